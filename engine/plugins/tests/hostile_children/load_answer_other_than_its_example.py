# says: example `e` of `g`: `value` should be 0.5, but the answer is {"value":0.25}
import plain

plain.serve(None, plain=lambda question: plain.reply(question, {"value": 0.25}))
