;; says: it exports nothing as `casebook_import`
@plugin_of importer
@answers {"value":0.5}
