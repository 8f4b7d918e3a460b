;; says: has no room for an input of
@plugin_without_alloc
(func (export "casebook_alloc") (param $length i32) (result i32)
  (select (i32.const -16) (i32.const 32768) (i32.gt_u (local.get $length) (i32.const 400))))
@answers {"value":0.5}
