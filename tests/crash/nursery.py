"""
Brings processes into the world in milliseconds: everything is imported once, and each life is a fork of that.

For tests that kill often. Reads one JSON document a line from standard input, the arguments of
`tests.crash.storm_worker.live`, and answers each with the number of the process that lives it. When its input ends,
it ends too, and soon whoever it brought into the world and nobody killed.
"""

import json
import os
import signal
import sys
import traceback

import uvloop

from tests.crash.storm_worker import live, shorten_everything


def bring(arguments: dict[str, str]) -> int:
    """Fork a process that lives with these arguments; the number of the child."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        uvloop.run(live(**arguments))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the one who asked reads it in the log
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def main() -> None:
    """Serve until the input ends."""
    shorten_everything()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead, so none of them stays as a zombie
    for line in sys.stdin:
        print(bring(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
