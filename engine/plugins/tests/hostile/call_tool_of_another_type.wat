;; says: gave a value that is not `true` or `false`
@plugin_of tool
@tool {"value":"yes"}
