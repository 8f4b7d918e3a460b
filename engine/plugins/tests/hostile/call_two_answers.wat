;; says: returned invalid JSON: trailing characters
@plugin
@answers_when_long {"value":1}{"value":0}
