;; says: returned an invalid grade
@plugin
@answers_when_long {"value":1,"score":1}
