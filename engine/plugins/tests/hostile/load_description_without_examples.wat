;; says: its grader `g` shows no example
@describes {"name":"odd","version":"1.0.0","summary":"s","graders":[{"name":"g","summary":"s","examples":[]}]}
@answers {"value":0.5}
