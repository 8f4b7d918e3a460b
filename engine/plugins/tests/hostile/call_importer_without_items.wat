;; says: answered what are no items
@plugin_of importer
@import {}
