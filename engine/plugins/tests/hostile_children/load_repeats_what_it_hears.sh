# says: answered `{"id":1,"describe":{}}`, which is not an answer (unknown field `describe`[..]); `{"id": 1, "ok": ...}` is one
exec cat
