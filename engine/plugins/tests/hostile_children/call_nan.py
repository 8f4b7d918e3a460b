# says: answered `{"id": [..], "ok": {"value": NaN}}`, which is not an answer ([..]); `{"id": [..], "ok": ...}` is one
import plain

plain.serve(lambda question: plain.reply(question, {"value": float("nan")}))
