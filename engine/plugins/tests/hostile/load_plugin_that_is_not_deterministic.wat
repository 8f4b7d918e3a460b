;; says: it says that it is not deterministic
@describes {"name":"odd","version":"1.0.0","summary":"s","deterministic":false,"graders":[{"name":"g","summary":"s","examples":[{"name":"e","input":{},"output":{"value":0.5}}]}]}
@answers {"value":0.5}
