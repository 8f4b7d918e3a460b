;; says: returned an invalid grade
@plugin
@answers_when_long [1]
