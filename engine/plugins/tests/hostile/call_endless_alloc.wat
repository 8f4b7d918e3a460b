;; says: ran out of fuel
@plugin_without_alloc
(func (export "casebook_alloc") (param $length i32) (result i32)
  (if (i32.gt_u (local.get $length) (i32.const 400)) (then (loop $again (br $again))))
  (i32.const 32768))
@answers {"value":0.5}
