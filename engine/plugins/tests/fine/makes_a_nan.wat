@plugin
;; What a NaN is made of must not depend on the processor.
(func (export "casebook_grade") (param i32 i32) (result i64)
  (if (result i64) (i64.eq (i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const 0))) (i64.const 0x7ff8000000000000))
    (then (i64.or (i64.shl (i64.const 16384) (i64.const 32)) (i64.const 13)))
    (else (unreachable))))
(data (i32.const 16384) "{\"value\":0.5}")
