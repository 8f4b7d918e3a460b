# says: answered question [..], where question [..] was asked
import plain


def boom(question):
    plain.reply({"id": question["id"] + 1}, {"value": 1})
    plain.reply(question, {"value": 0.5})


plain.serve(boom)
