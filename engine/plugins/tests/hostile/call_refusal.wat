;; says: refused: no card in sight
@plugin
@answers_when_long {"error":"no card in sight"}
