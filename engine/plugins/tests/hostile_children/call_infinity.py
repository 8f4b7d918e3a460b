# says: returned invalid JSON: number out of range [..]
import plain

plain.serve(lambda question: plain.write('{"id": %d, "ok": {"value": 1e999}}' % question["id"]))
