;; says: gave the value -0.25, outside of its range 0 to 1
@plugin
@answers_when_long {"value":-0.25}
