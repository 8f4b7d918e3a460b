;; says: returned invalid JSON
@plugin
@answers_when_long {"value":NaN}
