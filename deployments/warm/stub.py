"""The process that Prefect starts for a run: it stands for a child of the warm parent.

Started by its path, with nothing but the standard library and without ``site``, since its start is
all that a run waits for. Where the parent has no child to give, it becomes the command that Prefect
would have started.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_TIMEOUT_SECONDS = 10
"""For the parent's answer: it forks within milliseconds, or is not well."""
_STANDARD = (0, 1, 2)
_LARGEST_LINE = 65_536


def main() -> None:
    """Be a child of the parent that listens at the address given, until the child ends."""
    # Blocked, not lost: one that comes before there is a child is passed on once there is.
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    link = _child(sys.argv[1])
    if link is None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        os.execv(sys.executable, [sys.executable, "-m", "prefect.engine"])  # noqa: S606 - no shell is wanted
    for number in _PASSED_ON:
        signal.signal(number, lambda received, _: link.sendall(b"%d\n" % received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    _end(_line(link))


def _child(address: str) -> socket.socket | None:
    """Return the connection to the parent, which forks; ``None`` if it has no child to give."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(_TIMEOUT_SECONDS)
        link.connect(address)
        # pathlib would take longer to import than all of this.
        here = os.getcwd()  # noqa: PTH109
        asked = json.dumps({"environment": dict(os.environ), "folder": here}).encode()
        socket.send_fds(link, [len(asked).to_bytes(4, "big")], _STANDARD)
        link.sendall(asked)
        if _line(link) != "ready":
            link.close()
            return None
        # From here on there is a child, or nothing: a run must not be done by two processes.
        link.sendall(b"go\n")
    except (OSError, ValueError):
        # It tells a parent that is late that nobody waits for its child any more.
        link.close()
        return None
    link.settimeout(None)
    return link


def _line(link: socket.socket) -> str:
    """Return the next line of the parent; empty when it is gone."""
    got = b""
    while not got.endswith(b"\n") and len(got) < _LARGEST_LINE:
        some = link.recv(1)
        if not some:
            return ""
        got += some
    return got.decode().strip()


def _end(said: str) -> None:
    """End as the child did; as killed, where nobody knows how."""
    how, _, number = said.partition(" ")
    if how == "exited":
        os._exit(int(number))
    fatal = int(number) if how == "killed" else signal.SIGKILL
    if fatal != signal.SIGKILL:
        signal.signal(fatal, signal.SIG_DFL)
    os.kill(os.getpid(), fatal)
    os._exit(128 + fatal)


if __name__ == "__main__":
    main()
