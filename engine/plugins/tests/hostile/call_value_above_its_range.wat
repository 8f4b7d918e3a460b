;; says: gave the value 1.5, outside of its range 0 to 1
@plugin
@answers_when_long {"value":1.5}
