;; says: answered what is no grade
@plugin
@answers_when_long {"value":null}
