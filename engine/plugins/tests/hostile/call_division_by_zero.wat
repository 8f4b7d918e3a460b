;; says: trapped: integer divide by zero
@plugin
@when_long (drop (i32.div_u (i32.const 1) (i32.const 0)))
