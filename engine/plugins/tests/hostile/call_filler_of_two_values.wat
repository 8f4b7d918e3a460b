;; says: returned an invalid value
@plugin_of filler
@fill {"value":"a","other":"b"}
