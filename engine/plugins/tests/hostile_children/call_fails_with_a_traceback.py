# says: ended (exit status: 1); its last output: `[..] / ZeroDivisionError: division by zero`
import plain

plain.serve(lambda question: 1 / 0)
