;; says: answered with what is no UTF-8 text
@plugin
@answers_when_long \ff\fe{"value":1}
