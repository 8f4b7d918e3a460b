# says: did not answer within 2 s, and was ended
import time

import plain

plain.serve(lambda question: time.sleep(3600))
