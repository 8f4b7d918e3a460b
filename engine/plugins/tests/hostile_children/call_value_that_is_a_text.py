# says: returned an invalid grade: `value` must be a number, `reason` a text, `parts` a map of numbers
import plain

plain.serve(lambda question: plain.reply(question, {"value": "0.5"}))
