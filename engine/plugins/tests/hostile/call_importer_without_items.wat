;; says: returned invalid items
@plugin_of importer
@import {}
