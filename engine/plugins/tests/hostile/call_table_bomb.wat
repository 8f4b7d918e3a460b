;; says: gave up: it reached `unreachable`
@plugin
(table $t 1 funcref)
@when_long (if (i32.eq (table.grow $t (ref.null func) (i32.const 100000000)) (i32.const -1)) (then (unreachable)))
