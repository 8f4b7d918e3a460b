"""Answers one question after its examples and dies with the next, each time."""

import os

import plain

LEFT = [3]


def answer(question):
    LEFT[0] -= 1
    if LEFT[0] == 0:
        os._exit(1)
    plain.reply(question, {"value": 0.5})


plain.serve(None, plain=answer)
