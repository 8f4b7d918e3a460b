;; says: refused: never
@plugin_of filler
@fill {"error":"never"}
