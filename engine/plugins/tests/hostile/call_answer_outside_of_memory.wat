;; says: answered from outside of its memory
@plugin
@when_long (return (i64.const 0x7fffffff00000010))
