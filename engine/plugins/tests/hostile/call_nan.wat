;; says: answered what is no JSON
@plugin
@answers_when_long {"value":NaN}
