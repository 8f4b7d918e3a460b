;; says: returned an invalid value
@plugin_of filler
@fill {}
