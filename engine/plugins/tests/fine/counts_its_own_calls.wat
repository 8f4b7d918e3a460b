@plugin
;; A call that left a trace would let the second one answer with another value.
(global $calls (mut i32) (i32.const 0))
(func (export "casebook_grade") (param i32 i32) (result i64)
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (if (result i64) (i32.eq (global.get $calls) (i32.const 1))
    (then (i64.or (i64.shl (i64.const 16384) (i64.const 32)) (i64.const 13)))
    (else (i64.const 0))))
(data (i32.const 16384) "{\"value\":0.5}")
