;; says: ran out of fuel
@plugin_of importer
@import_when_long (loop $more (br $more))
