"""A plugin that means well: scripts beside it change what it does when a question holds `boom`."""

import json
import sys

DESCRIPTION = {
    "name": "odd",
    "version": "1.0.0",
    "summary": "s",
    "graders": [
        {
            "name": "g",
            "summary": "s",
            "reads": ["decision"],
            "examples": [{"name": "e", "input": {}, "output": {"value": 0.5}}],
        }
    ],
}


def write(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def reply(question, value):
    write(json.dumps({"id": question["id"], "ok": value}))


def serve(boom, describe=lambda question: reply(question, DESCRIPTION), plain=lambda question: reply(question, {"value": 0.5})):
    for line in sys.stdin:
        question = json.loads(line)
        if "describe" in question:
            describe(question)
        elif "boom" in line:
            boom(question)
        else:
            plain(question)
