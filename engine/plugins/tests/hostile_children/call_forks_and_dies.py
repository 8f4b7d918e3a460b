# says: ended (exit status: 0)
# waits: 2 s, since what it leaves behind holds its output
# It leaves a process behind, which holds its pipes open.
import os
import subprocess

import plain


def boom(question):
    subprocess.Popen(["/bin/sleep", "31337"])
    os._exit(0)


plain.serve(boom)
