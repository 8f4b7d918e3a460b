# says: does not describe itself: I am shy
import json

import plain

plain.serve(None, describe=lambda question: plain.write(json.dumps({"id": question["id"], "error": "I am shy"})))
