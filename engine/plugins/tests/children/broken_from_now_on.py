"""Works until a question breaks it for good."""

import os

import plain

if os.path.exists("broken"):
    raise SystemExit("broken for good")


def boom(question):
    open("broken", "w").close()
    os._exit(1)


plain.serve(boom)
