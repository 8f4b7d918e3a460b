;; says: returned invalid JSON
@plugin_of filler
@fill 7,
