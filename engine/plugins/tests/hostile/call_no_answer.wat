;; says: answered what is no JSON
@plugin
@when_long (return (i64.const 0))
