# says: answered once and went on to speak
import json

import plain


def boom(question):
    line = json.dumps({"id": question["id"], "ok": {"value": 0.5}})
    plain.write(line + "\n" + line)


plain.serve(boom)
