;; says: its parameters do not fit the grader's schema
@describes {"name":"odd","version":"1.0.0","summary":"s","graders":[{"name":"g","summary":"s","examples":[{"name":"e","input":{"parameters":{"x":1}},"output":{"value":0.5}}]}]}
@answers {"value":0.5}
