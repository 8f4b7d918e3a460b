# says: did not answer within 2 s, and was ended
import sys

import plain


def boom(question):
    while True:
        sys.stderr.write("x" * 100_000 + "\n")
        sys.stderr.write("short\n" * 10_000)


plain.serve(boom)
