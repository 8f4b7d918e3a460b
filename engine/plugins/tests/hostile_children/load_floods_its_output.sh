# says: answered `[..]`, which is no answer ([..]); `{"id": 1, "ok": ...}` is one
exec yes
