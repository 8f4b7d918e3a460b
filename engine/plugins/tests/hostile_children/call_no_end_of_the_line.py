# says: did not answer within 2 s, and was ended
import sys
import time

import plain


def boom(question):
    sys.stdout.write('{"id": %d, "ok": {"value": 0.5}}' % question["id"])
    sys.stdout.flush()
    time.sleep(3600)


plain.serve(boom)
