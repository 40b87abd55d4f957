"""What people can be told of: the events that a channel may subscribe to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from studio.errors import InvalidRequest

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "picture.ready": "A single picture was bought and filed.",
        "picture.failed": "No provider delivered a single picture.",
        "picture.unknown": "Nobody knows whether a single picture was bought; a person decides.",
        "batch.finished": "A batch ended and every row is done.",
        "batch.partly_failed": "A batch ended; some rows are done and some are not.",
        "batch.failed": "A batch ended and no row is done.",
        "batch.approval_needed": "A batch waits until somebody says that it may be bought.",
        "schedule.missed": "A schedule did not run when it was due.",
        "budget.threshold": "50, 80, 95 or 100 percent of a budget are spent or held.",
        "balance.low": "A wallet has less than its owner wanted to be told of.",
        "board.opened": "A link to a board was opened for the first time.",
        "board.commented": "A guest wrote a comment on a board.",
        "board.decided": "A guest approved or rejected something on a board, or took that back.",
        "board.guessed": "So many wrong passwords came to a link that it takes none for an hour.",
        "holds.expired": "Upkeep gave back what runs that died had set aside.",
        "books.disagree": "The auditor found that balances and entries do not agree.",
        "operations.alert": "One of Prefect's automations found something for the operator.",
    }
)
"""Every event: its name, and when it is told. A channel without events is told of all."""

Weight = Literal["success", "info", "warning", "failure"]

_WEIGHTS: Mapping[str, Weight] = MappingProxyType(
    {
        "picture.ready": "success",
        "picture.failed": "failure",
        "picture.unknown": "warning",
        "batch.finished": "success",
        "batch.partly_failed": "warning",
        "batch.failed": "failure",
        "batch.approval_needed": "warning",
        "schedule.missed": "warning",
        "budget.threshold": "warning",
        "balance.low": "warning",
        "board.guessed": "warning",
        "holds.expired": "warning",
        "books.disagree": "failure",
        "operations.alert": "failure",
    }
)
_HEAVIER: Sequence[Weight] = ("info", "success", "warning", "failure")


def weight_of(events: Iterable[str]) -> Weight:
    """Return how grave events that are told together are: as the gravest of them.

    The words are Apprise's (``NotifyType``): channels show them as a colour or a sign.
    """
    weights = (_WEIGHTS.get(event, "info") for event in events)
    return max(weights, key=_HEAVIER.index, default="info")


def check_events(names: Sequence[str]) -> tuple[str, ...]:
    """Return the events that a channel subscribes to, each once; nothing stands for all.

    Raises:
        InvalidRequest: there is no such event.
    """
    if "all" in names:
        return ()
    for name in names:
        if name not in EVENTS:
            raise InvalidRequest(
                "There is no such event.",
                field="event",
                given=repr(name),
                allowed=f"all, {', '.join(EVENTS)}",
            )
    return tuple(dict.fromkeys(names))
