;; says: gave a value that is not a text, as it promised
@plugin_of filler
@fill {"value":7}
