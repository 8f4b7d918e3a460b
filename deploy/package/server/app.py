"""For providers that insist on `uvicorn server.app:app`: the process becomes the Casebook server.

Casebook is one binary that serves HTTP itself. When uvicorn imports this module, the process is replaced by that binary,
with the address that uvicorn was given. The binary is `$CASEBOOK_BIN`, else `casebook` on the path.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path


def command(arguments):
    """The command line of the server that replaces uvicorn with these arguments."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--host", default=os.environ.get("UVICORN_HOST", "127.0.0.1"))
    parser.add_argument("--port", default=os.environ.get("UVICORN_PORT", "8000"))
    # One process holds all sessions on all cores, so uvicorn's other options have no counterpart.
    given, _ = parser.parse_known_args(arguments)
    binary = os.environ.get("CASEBOOK_BIN") or shutil.which("casebook")
    if binary is None:
        raise RuntimeError("the binary `casebook` is not on the path; set CASEBOOK_BIN to where it is")
    host = "127.0.0.1" if given.host == "localhost" else given.host
    return [binary, "serve", "--host", host, "--port", given.port]


def main():
    """Becomes the server."""
    line = command(sys.argv[1:])
    os.execv(line[0], line)


def app(*_):
    """What uvicorn looks for and never calls, since by then the process is another."""
    raise RuntimeError("Casebook serves itself; start it with `uvicorn server.app:app` or `casebook serve`")


STARTED_BY = Path(sys.argv[0])
if "uvicorn" in (STARTED_BY.stem, STARTED_BY.parent.name):
    main()
