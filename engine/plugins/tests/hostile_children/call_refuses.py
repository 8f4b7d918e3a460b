# says: refused: there is no grade for this
import json

import plain

plain.serve(lambda question: plain.write(json.dumps({"id": question["id"], "error": "there is no grade for this"})))
