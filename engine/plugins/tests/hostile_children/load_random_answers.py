# says: example `e` of `g`: two calls with the same input gave two answers
import random

import plain

plain.serve(None, plain=lambda question: plain.reply(question, {"value": 0.5, "reason": str(random.random())}))
