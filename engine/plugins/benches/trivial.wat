;; Gives every item the same value. Texts end with a zero byte, which `$place` looks for.
(module
  (memory (export "memory") 1)
  (data (i32.const 1024) "{\"name\":\"trivial\",\"version\":\"1.0.0\",\"summary\":\"A constant.\",\"graders\":[{\"name\":\"half\",\"summary\":\"0.5, whatever was decided.\",\"examples\":[{\"name\":\"always\",\"input\":{},\"output\":{\"value\":0.5}}]}]}\00")
  (data (i32.const 8192) "{\"value\":0.5}\00")

  ;; Where the host writes its input; this plugin reads none of it.
  (func (export "casebook_alloc") (param $length i32) (result i32)
    (if (i32.gt_u (local.get $length) (i32.const 49152)) (then (unreachable)))
    (i32.const 16384))

  (func (export "casebook_describe") (result i64)
    (call $place (i32.const 1024)))

  (func (export "casebook_grade") (param $at i32) (param $length i32) (result i64)
    (call $place (i32.const 8192)))

  ;; The place of a text, as the host reads it: its address in the upper half, its length in the lower.
  (func $place (param $at i32) (result i64)
    (local $end i32)
    (local.set $end (local.get $at))
    (loop $more
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br_if $more (i32.load8_u (local.get $end))))
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
      (i64.extend_i32_u (i32.sub (local.get $end) (local.get $at))))))
