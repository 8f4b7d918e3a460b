;; says: returned invalid JSON
@plugin_of tool
@tool 7,
