;; says: returned text that is not UTF-8
@plugin
@answers_when_long \ff\fe{"value":1}
