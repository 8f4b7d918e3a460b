;; says: refused: never
@plugin_of importer
@import {"error":"never"}
