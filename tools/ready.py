"""Waits until a part of the demo says over HTTP that it is ready; as a program, then becomes another command.

`python -m tools.ready http://127.0.0.1:9428/-/ready -- prometheus …`: so parts that are all started at once still
come up in order, and what stands in the process list at the end is the part itself. Without a URL it waits for nothing.
The command ends with whoever started it.
"""

import ctypes
import http.client
import os
import signal
import sys
import time
import urllib.request

# A part with a slow disk under it takes seconds; one that takes longer than this has gone wrong in another way.
PATIENCE_S = 120.0
_PAUSE_S = 0.1

_PR_SET_PDEATHSIG = 1  # prctl(2): the kernel sends a signal when the parent ends, and an exec keeps it so

# Without proxies: the environment may name one, and it knows nothing of this machine's loopback.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str) -> bytes:
    """Return what stands at a URL of this machine; raise OSError when nothing does, or an error."""
    with _opener.open(url, timeout=5) as reply:
        body: bytes = reply.read()
    return body


def wait_until_ready(url: str, patience_s: float = PATIENCE_S) -> bool:
    """Return True as soon as the URL answers without an error, False when it has not within the seconds given."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            get(url)
        except (OSError, http.client.HTTPException):  # not there yet, or not ready yet
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def end_with_parent(sent: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends, however it does: by SIGKILL as well."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(sent))


def main(arguments: list[str]) -> int:
    """Wait for the URLs before `--`, then become the command behind it; exit 1 when one does not get ready."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    urls, command = arguments[:place], arguments[place + 1 :]
    if not command:
        print("usage: python -m tools.ready [URL …] -- COMMAND …", file=sys.stderr)
        return 2
    end_with_parent(signal.SIGTERM)
    unready = next((url for url in urls if not wait_until_ready(url)), None)
    if unready is None:
        os.execvp(command[0], command)  # noqa: S606  # no shell is wanted
    print(f"{unready} did not get ready within {PATIENCE_S:.0f} s", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
