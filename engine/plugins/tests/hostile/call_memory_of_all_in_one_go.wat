;; says: gave up: it reached `unreachable`
@plugin
@when_long (if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1)) (then (unreachable)))
