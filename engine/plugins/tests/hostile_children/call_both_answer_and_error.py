# says: answered `{"id": [..], "ok": 1, "error": "x"}`; an answer has either `ok` or `error`
import json

import plain

plain.serve(lambda question: plain.write(json.dumps({"id": question["id"], "ok": 1, "error": "x"})))
