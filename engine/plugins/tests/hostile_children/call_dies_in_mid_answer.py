# says: ended (signal: 9 (SIGKILL))
import os
import signal
import sys

import plain


def boom(question):
    sys.stdout.write('{"id": ')
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


plain.serve(boom)
