;; says: its description does not fit: expected value
@describes hello
@answers {"value":0.5}
