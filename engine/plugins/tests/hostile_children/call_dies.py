# says: ended (exit status: 3); its last output: `I have had enough`
import os
import sys

import plain


def boom(question):
    print("I have had enough", file=sys.stderr, flush=True)
    os._exit(3)


plain.serve(boom)
