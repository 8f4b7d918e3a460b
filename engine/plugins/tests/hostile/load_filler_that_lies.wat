;; says: should be "a", but the answer is {"value":"b"}
@describes {"name":"odd","version":"1.0.0","summary":"s","fillers":[{"name":"o","summary":"s","examples":[{"name":"e","input":{},"output":{"value":"a"}}]}]}
(data (i32.const 16384) "{\"value\":\"b\"}")
(func (export "casebook_fill") (param i32 i32) (result i64) (i64.or (i64.shl (i64.const 16384) (i64.const 32)) (i64.const 13)))
