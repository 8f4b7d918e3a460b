;; says: answered what is no JSON
@plugin
@answers_when_long {"value":1e999}
