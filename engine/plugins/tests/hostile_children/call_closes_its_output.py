# says: closed its output
import os
import time

import plain


def boom(question):
    os.close(1)
    time.sleep(3600)


plain.serve(boom)
