;; says: 65537 bytes; 65536 are allowed
@plugin_of tool
@tool_when_long (return (i64.const 65537))
