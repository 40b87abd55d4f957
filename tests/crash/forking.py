"""A program that is killed at numbered points: forked anew for each, so that it imports once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Points:
    """Counts the points that the process comes by, and kills it at one; 0 for none."""

    def __init__(self, kill: int) -> None:
        self._kill = kill
        self._passed = 0

    def pass_by(self) -> None:
        self._passed += 1
        if self._passed == self._kill:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Any) -> Any:
        """Return ``function`` with a point before and one after it."""

        def watched(*arguments: Any) -> Any:
            self.pass_by()
            done = function(*arguments)
            self.pass_by()
            return done

        return watched


def fork_for_each(run: Callable[..., None]) -> None:
    """In the program: carry out what is asked on standard input, a JSON list of arguments a line.

    Args:
        run: does it in a process forked for it, which it ends itself.
    """
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


Ended = Callable[..., int]
"""Runs the program with some arguments; returns its exit code, or minus the signal's number."""


@contextmanager
def forking(module: str) -> Iterator[Ended]:
    """In the test: start the program, for as long as this is open."""
    with subprocess.Popen(
        [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        to, said = started.stdin, started.stdout
        assert to is not None
        assert said is not None

        def ended(*arguments: Any) -> int:
            to.write(json.dumps(arguments, default=str) + "\n")
            to.flush()
            return int(said.readline())

        yield ended
        to.close()
