# says: did not answer within 2 s, and was ended
import os
import time

import plain


def boom(question):
    os.close(0)
    time.sleep(3600)


plain.serve(boom)
