;; says: refused: never
@plugin_of tool
@tool {"error":"never"}
