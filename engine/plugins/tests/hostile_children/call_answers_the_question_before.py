# says: answered question [..], where question [..] was asked
import plain

plain.serve(lambda question: plain.reply({"id": question["id"] - 1}, {"value": 0.5}))
