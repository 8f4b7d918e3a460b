# says: answered with what is no UTF-8 text
import sys

import plain


def boom(question):
    sys.stdout.buffer.write(b'{"id": %d, "ok": {"value": 0.5, "reason": "\xff"}}\n' % question["id"])
    sys.stdout.buffer.flush()


plain.serve(boom)
