;; says: has parameters of a bad schema
@describes {"name":"odd","version":"1.0.0","summary":"s","graders":[{"name":"g","summary":"s","examples":[{"name":"e","input":{},"output":{"value":0.5}}],"parameters":{"type":"object","$ref":"https://schemas.example/a.json"}}]}
@answers {"value":0.5}
