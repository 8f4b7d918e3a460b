# says: ended (exit status: 1); its last output: `[..]MemoryError`
import plain


def boom(question):
    kept = []
    while True:
        kept.append(bytearray(16 * 1024 * 1024))


plain.serve(boom)
