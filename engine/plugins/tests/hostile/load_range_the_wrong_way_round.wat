;; says: its grader `g` has the range 1 to 0
@describes {"name":"odd","version":"1.0.0","summary":"s","graders":[{"name":"g","summary":"s","examples":[{"name":"e","input":{},"output":{"value":0.5}}],"range":[1,0]}]}
@answers {"value":0.5}
