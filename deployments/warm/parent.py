"""The parent of warm runs: it imports what runs need, once, and then does nothing but fork.

It has no connection, no thread and no database open, so that a child begins as a fresh process
does. It listens at a socket that only this user's processes reach, and watches its children: who
asked for one is told how it ended, and when who asked is gone, or tells of a signal, the child
gets it. A child whose parent dies is killed by the kernel, so that none runs unseen.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MODULES = (
    "deployments.catalogue",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.events.worker",
    "prefect.logging.handlers",
    # What they would import in passing.
    "prefect.utilities.visualization",
    "fsspec.implementations.chained",
    *("encodings.idna", "numpy.fft", "numpy.ma", "PIL.ImageSequence"),
)
"""What runs import: every flow, and what Prefect imports when one begins."""

READY = "ready"
_OWN = ("PREFECT__",)
_VARYING = frozenset({"PWD", "OLDPWD", "SHLVL", "_"})
_PDEATHSIG = 1
_LARGEST = 4 * 1024 * 1024
_ASK_SECONDS = 5
_WORD = 4
_STANDARD = (0, 1, 2)


def comparable(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what must be the same for a run to be warm: all but what names the run itself."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _VARYING and not name.startswith(_OWN)
    }


@dataclass(frozen=True)
class Asked:
    """What a stub asks for: its environment, its folder, and its open files."""

    environment: dict[str, str]
    folder: str
    files: tuple[int, ...]


class Parent:
    """Listens, forks, and watches.

    Args:
        listener: a bound socket.
        life: a pipe whose other end is closed when nobody needs this process any more.
        environment: that of this process, before it imported anything.
        imported: what importing has put into it.
    """

    def __init__(
        self,
        listener: socket.socket,
        life: int,
        environment: Mapping[str, str],
        imported: Mapping[str, str],
    ) -> None:
        self._listener = listener
        self._links: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wakes, False)
        self._known = comparable({**environment, **imported})
        self._imported = imported
        self._before = {name: environment[name] for name in imported if name in environment}
        self._selector.register(listener, selectors.EVENT_READ, self._take)
        self._selector.register(life, selectors.EVENT_READ, self._close)
        self._selector.register(self._wakes, selectors.EVENT_READ, self._reap)
        self._life = life
        self._open = True
        self._forked: Asked | None = None

    def serve(self) -> Asked | None:
        """Serve until nobody needs it; in a child, return what it was asked to be."""
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        # It must be handled for the pipe to tell of it.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while self._open or self._links:
            for key, _ in self._selector.select():
                key.data()
                if self._forked:
                    return self._forked
        return None

    def _close(self) -> None:
        """Take nothing more; what runs is left to end."""
        self._open = False
        self._selector.unregister(self._life)
        self._selector.unregister(self._listener)
        self._listener.close()

    def _take(self) -> None:
        link, _ = self._listener.accept()
        link.settimeout(_ASK_SECONDS)
        try:
            asked = _read(link)
        except (OSError, ValueError):
            link.close()
            return
        try:
            if not self._fits(asked):
                link.sendall(b"cold\n")
                link.close()
                return
            # Only who still waits gets a child: one that went on without would do its run twice.
            link.sendall(b"ready\n")
            if link.recv(3) != b"go\n":
                link.close()
                return
            self._fork(link, asked)
        except OSError:
            # It is told by the end of the connection, and does without.
            link.close()
        finally:
            if self._forked is None:
                _close_all(asked.files)

    def _fits(self, asked: Asked) -> bool:
        """Whether a child would be what the run's own process would be."""
        # A run imports the same; the worker may have, before it asked.
        wanted = comparable({**asked.environment, **self._imported_into(asked.environment)})
        if wanted == self._known:
            return os.path.isdir(asked.folder)  # noqa: PTH112 - pathlib tells no more
        differ = {name for name, _ in wanted.items() ^ self._known.items()}
        # Their names alone: what is in them may be secret.
        sys.stderr.write(f"A run starts cold: its environment differs in {sorted(differ)}\n")
        return False

    def _imported_into(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return what importing adds to an environment that is as this process's was."""
        return {
            name: value
            for name, value in self._imported.items()
            if environment.get(name) == self._before.get(name)
        }

    def _fork(self, link: socket.socket, asked: Asked) -> None:
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            self._become(link, parent)
            self._forked = asked
            return
        self._links[child] = link
        self._selector.register(link, selectors.EVENT_READ, lambda: self._heed(child))

    def _become(self, link: socket.socket, parent: int) -> None:
        """Let go of all that is the parent's."""
        _die_with(parent)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for each in (link, self._listener, *self._links.values()):
            each.close()
        for number in (self._wakes, self._wake, self._life):
            os.close(number)
        self._links.clear()

    def _heed(self, child: int) -> None:
        """Pass a signal on; a stub that is gone was killed, and so is its child."""
        link = self._links.get(child)
        if link is None:  # it ended this very moment
            return
        try:
            said = link.recv(64)
        except OSError:
            said = b""
        if not said:
            self._selector.unregister(link)
            link.close()
            os.kill(child, signal.SIGKILL)
            return
        for number in said.split():
            os.kill(child, int(number))

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakes, 4096)
        while self._links:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            link = self._links.pop(child)
            with contextlib.suppress(OSError, ValueError, KeyError):
                self._selector.unregister(link)
                link.settimeout(_ASK_SECONDS)
                link.sendall(_ending(status))
            link.close()


def _ending(status: int) -> bytes:
    if os.WIFSIGNALED(status):
        return b"killed %d\n" % os.WTERMSIG(status)
    return b"exited %d\n" % os.WEXITSTATUS(status)


def _read(link: socket.socket) -> Asked:
    """Return what a stub asks.

    Raises:
        ValueError: it is not what a stub asks.
    """
    head, files, _, _ = socket.recv_fds(link, _WORD, len(_STANDARD))
    try:
        values = json.loads(_exactly(link, int.from_bytes(head, "big")))
        environment, folder = dict(values["environment"]), str(values["folder"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        _close_all(files)
        raise ValueError("not what a stub asks") from error
    if len(files) < len(_STANDARD):
        _close_all(files)
        raise ValueError("without its files")
    return Asked(environment, folder, tuple(files))


def _exactly(link: socket.socket, length: int) -> bytes:
    body = b""
    while len(body) < min(length, _LARGEST):
        some = link.recv(length - len(body))
        if not some:
            break
        body += some
    return body


def _close_all(files: Iterable[int]) -> None:
    for number in files:
        with contextlib.suppress(OSError):
            os.close(number)


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def run(asked: Asked, imported: Mapping[str, str]) -> None:
    """Be the process of a run: what ``python -m prefect.engine`` does, in the stub's place.

    Args:
        imported: what importing has put into the environment.
    """
    for place, number in enumerate(asked.files):
        os.dup2(number, place)
        os.close(number)
    os.environ.clear()
    os.environ.update({**asked.environment, **imported})
    os.chdir(asked.folder)
    sys.path[0] = asked.folder
    sys.argv = ["prefect.engine"]
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="runpy")
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)


def main() -> None:
    """Import, listen at the socket of number ``argv[1]``, tell of it, and serve."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    before = dict(os.environ)
    for name in MODULES:
        importlib.import_module(name)
    gc.collect()
    # What was imported is never collected: left alone, its pages stay shared with the children.
    gc.freeze()
    imported = {name: value for name, value in os.environ.items() if before.get(name) != value}
    os.write(1, f"{READY}\n".encode())
    asked = Parent(listener, 0, before, imported).serve()
    if asked is not None:
        run(asked, imported)


if __name__ == "__main__":
    main()
