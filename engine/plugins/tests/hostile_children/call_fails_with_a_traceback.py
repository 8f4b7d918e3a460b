# says: ended (exit status: 1); it said: `[..] / ZeroDivisionError: division by zero`
import plain

plain.serve(lambda question: 1 / 0)
