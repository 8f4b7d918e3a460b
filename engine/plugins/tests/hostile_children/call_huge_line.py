# says: answered with more than 65536 bytes, which is the most that is allowed
import sys

import plain


def boom(question):
    while True:
        sys.stdout.write("x" * 65536)


plain.serve(boom)
