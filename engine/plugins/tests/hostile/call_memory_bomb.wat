;; says: gave up: it reached `unreachable`
@plugin
@when_long (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)
