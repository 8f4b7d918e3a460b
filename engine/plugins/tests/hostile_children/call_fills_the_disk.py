# says: ended (exit status: 1); its last output: `[..]File too large`
import plain


def boom(question):
    with open("much", "wb") as much:
        while True:
            much.write(b"x" * 1024 * 1024)


plain.serve(boom)
