# says: returned [..]recursion limit exceeded [..]
import plain

plain.serve(lambda question: plain.write('{"id": %d, "ok": %s%s}' % (question["id"], "[" * 20_000, "]" * 20_000)))
