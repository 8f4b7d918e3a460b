"""Answers a question, and listens no more."""

import os
import time

import plain


def boom(question):
    os.close(0)
    plain.reply(question, {"value": 0.5})
    time.sleep(3600)


plain.serve(boom)
