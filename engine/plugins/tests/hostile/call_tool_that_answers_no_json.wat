;; says: answered what is no JSON
@plugin_of tool
@tool 7,
