"""Stops to listen in the middle of a long question, and answers it nevertheless."""

import os
import time

import plain

while True:
    data = b""
    while not data.endswith(b"\n") and len(data) < 100_000:
        data += os.read(0, 65536)
    number = int(data.split(b":")[1].split(b",")[0])
    if not data.endswith(b"\n"):
        os.close(0)
        # Whoever asks has noticed by then.
        time.sleep(0.3)
    plain.reply({"id": number}, plain.DESCRIPTION if b"describe" in data[:40] else {"value": 0.5})
    if not data.endswith(b"\n"):
        time.sleep(3600)
