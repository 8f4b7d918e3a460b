# says: gave the value 1.5, outside of its range 0 to 1
import plain

plain.serve(lambda question: plain.reply(question, {"value": 1.5}))
