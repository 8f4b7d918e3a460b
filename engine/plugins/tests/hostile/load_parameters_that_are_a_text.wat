;; says: has parameters that are not of `type: object`
@describes {"name":"odd","version":"1.0.0","summary":"s","graders":[{"name":"g","summary":"s","examples":[{"name":"e","input":{},"output":{"value":0.5}}],"parameters":{"type":"string"}}]}
@answers {"value":0.5}
