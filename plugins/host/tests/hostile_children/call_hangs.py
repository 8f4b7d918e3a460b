# says: did not answer within 1 s, and was ended
import time

import plain

plain.serve(lambda question: time.sleep(3600))
