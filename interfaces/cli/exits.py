"""Exit codes: part of the public interface, so that scripts can rely on them.

==== ========================================================================================
code means
==== ========================================================================================
0    done: all that was asked for is there
1    the work failed or is incomplete: a provider did not deliver, a row failed, work under way
2    the command or the request is wrong: nothing was held, nothing bought
3    refused by the gate: not enough credits, no wallet, no price, a closed hold
4    this machine is not set up, or the database or the Prefect server cannot be reached
130  interrupted by Ctrl-C
==== ========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from studio.errors import (
    AlreadyRunning,
    BatchCancelled,
    Conflict,
    GateRefused,
    InvalidRequest,
    NotFound,
    SetupIncomplete,
    StudioError,
    StudioUnavailable,
    WindowClosed,
)


class Exit(IntEnum):
    """How a command ends."""

    DONE = 0
    FAILED = 1
    INVALID = 2
    REFUSED = 3
    SETUP = 4
    INTERRUPTED = 130


_BY_ERROR: tuple[tuple[type[StudioError], Exit], ...] = (
    (SetupIncomplete, Exit.SETUP),
    (StudioUnavailable, Exit.SETUP),
    (GateRefused, Exit.REFUSED),
    # Before its parent: nothing is wrong with the request, somebody else is at it.
    (AlreadyRunning, Exit.FAILED),
    (BatchCancelled, Exit.FAILED),
    (WindowClosed, Exit.FAILED),
    (Conflict, Exit.INVALID),
    (InvalidRequest, Exit.INVALID),
    (NotFound, Exit.INVALID),
)


def exit_for(error: type[StudioError]) -> Exit:
    """Return the exit code for a kind of error."""
    return next((code for kind, code in _BY_ERROR if issubclass(error, kind)), Exit.FAILED)


def exit_for_code(code: str) -> Exit:
    """Return the exit code for an error that is known only by its ``code``, as a flow tells it."""
    kinds = (kind for kind in _tree(StudioError) if kind.code == code)
    return next(map(exit_for, kinds), Exit.FAILED)


def _tree(kind: type[StudioError]) -> Iterator[type[StudioError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)
