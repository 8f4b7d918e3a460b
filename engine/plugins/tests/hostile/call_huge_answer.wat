;; says: answered with 2147483647 bytes; 65536 are allowed
@plugin
@when_long (return (i64.const 2147483647))
