# says: ended (exit status: 1); its last output: `[..]Too many open files[..]
import plain


def boom(question):
    kept = []
    while True:
        kept.append(open("/dev/null"))


plain.serve(boom)
