;; says: it exports nothing as `casebook_fill`
@plugin_of filler
@answers {"value":0.5}
