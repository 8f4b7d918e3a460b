;; says: answered what is no JSON
@plugin_of filler
@fill 7,
