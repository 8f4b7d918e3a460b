# says: answered `got it`, which is not an answer (expected value at line 1 column 1); `{"id": [..], "ok": ...}` is one
import plain


def boom(question):
    print("got it", flush=True)
    plain.reply(question, {"value": 0.5})


plain.serve(boom)
