# says: answered `GIVEN=by the pack`, which is not an answer (expected value at line 1 column 1); `{"id": 1, "ok": ...}` is one
# What the pack gives is all that there is.
tr '\000' '\n' < /proc/$$/environ
