# says: it describes itself in two ways
import plain


def describe(question):
    plain.reply(question, dict(plain.DESCRIPTION, summary=str(question["id"])))


plain.serve(None, describe=describe)
