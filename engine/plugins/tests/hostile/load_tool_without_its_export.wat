;; says: it exports nothing as `casebook_tool`
@plugin_of tool
@answers {"value":0.5}
