# says: did not answer within 2 s, and was ended
import signal
import time

import plain

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
    signal.signal(number, signal.SIG_IGN)
plain.serve(lambda question: time.sleep(3600))
