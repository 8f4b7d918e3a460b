;; says: example `e` of `g`: `value` should be 1, but the answer is {"value":0.5}
@describes {"name":"odd","version":"1.0.0","summary":"s","graders":[{"name":"g","summary":"s","examples":[{"name":"e","input":{},"output":{"value":1}}]}]}
@answers {"value":0.5}
