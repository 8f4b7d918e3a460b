"""Answers long questions before it has read them."""

import os

import plain

while True:
    data = b""
    while not data.endswith(b"\n") and len(data) < 100_000:
        data += os.read(0, 65536)
    number = int(data.split(b":")[1].split(b",")[0])
    plain.reply({"id": number}, plain.DESCRIPTION if b"describe" in data[:40] else {"value": 0.5})
