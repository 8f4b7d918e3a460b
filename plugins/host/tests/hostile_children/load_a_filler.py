# says: it is a process and offers a filler; what items hold must follow from the pack alone
import plain

FILLER = {"name": "f", "summary": "s", "examples": [{"name": "e", "input": {}, "output": {}}]}


def describe(question):
    plain.reply(question, {"name": "odd", "version": "1.0.0", "summary": "s", "fillers": [FILLER]})


plain.serve(None, describe=describe)
