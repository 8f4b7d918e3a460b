# says: its description does not fit: missing field `name` at line 1 column [..]
import plain

plain.serve(None, describe=lambda question: plain.reply(question, {}))
