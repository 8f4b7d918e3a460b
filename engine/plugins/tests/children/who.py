"""Tells its process, what lies in its folder and what it was given."""

import os
import time

import plain


def tell(question):
    time.sleep(question["grade"]["parameters"].get("sleep", 0))
    said = f"{os.getpid()} {sorted(os.listdir())} {len(question['grade'].get('much', ''))}"
    plain.reply(question, {"value": 0.5, "reason": said})


plain.serve(None, plain=tell)
