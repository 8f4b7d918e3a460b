;; says: answered from outside of its memory
@plugin
@when_long (return (i64.or (i64.shl (i64.const 65530) (i64.const 32)) (i64.const 16)))
