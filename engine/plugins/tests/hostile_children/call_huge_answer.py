# says: answered with more than 65536 bytes, which is the most that is allowed
import plain

plain.serve(lambda question: plain.reply(question, {"value": 0.5, "reason": "x" * 70_000}))
