"""Answers a random number, and says that it does."""

import random

import plain

plain.serve(
    None,
    describe=lambda question: plain.reply(question, dict(plain.DESCRIPTION, deterministic=False)),
    plain=lambda question: plain.reply(question, {"value": 0.5, "reason": str(random.random())}),
)
