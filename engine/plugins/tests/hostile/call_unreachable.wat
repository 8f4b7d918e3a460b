;; says: gave up: it reached `unreachable`
@plugin
@when_long (unreachable)
