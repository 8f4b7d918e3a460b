# says: did not answer within 2 s, and was ended
import os
import time

import plain


def boom(question):
    for _ in range(20):
        if os.fork() == 0:
            os.execv("/bin/sleep", ["sleep", "31337"])
    time.sleep(3600)


plain.serve(boom)
