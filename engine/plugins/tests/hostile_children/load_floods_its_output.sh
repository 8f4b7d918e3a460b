# says: answered `[..]`, which is not an answer ([..]); `{"id": 1, "ok": ...}` is one
exec yes
