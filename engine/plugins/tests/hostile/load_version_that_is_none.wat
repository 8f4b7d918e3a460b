;; says: its description does not fit
@describes {"name":"odd","version":"new","summary":"s","graders":[{"name":"g","summary":"s","examples":[{"name":"e","input":{},"output":{"value":0.5}}]}]}
@answers {"value":0.5}
