# says: returned text that is not UTF-8
import sys

import plain


def boom(question):
    sys.stdout.buffer.write(b'{"id": %d, "ok": {"value": 0.5, "reason": "\xff"}}\n' % question["id"])
    sys.stdout.buffer.flush()


plain.serve(boom)
