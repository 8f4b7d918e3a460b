# says: answered what is no grade: `value` is a number, `reason` a text, `parts` a map of numbers
import plain

plain.serve(lambda question: plain.reply(question, {"value": "0.5"}))
