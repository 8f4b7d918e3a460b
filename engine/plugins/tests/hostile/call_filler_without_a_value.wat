;; says: answered what is no value
@plugin_of filler
@fill {}
