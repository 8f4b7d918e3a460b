;; says: returned invalid JSON
@plugin
@when_long (return (i64.const 0))
