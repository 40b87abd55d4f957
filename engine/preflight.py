"""Pre-flight's transaction: the gate's judgement, the hold, and what has to be told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from billing.accounts.admission import Admission, Alert, admit
from billing.accounts.members import Need, require_member
from billing.ledger import Hold
from engine.outbox import Message, post
from studio.database import Database
from studio.errors import StudioError


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a run, and what they said about the money.

    Attributes:
        user: who acts; empty stands for the user of the workspace's own name.
        project: what it is for; empty for nothing in particular.
        most: what the run may come to at most, in micro-credits; ``None`` says nothing.
    """

    user: str = ""
    project: str = ""
    most: int | None = None


ANYBODY = Caller()
"""A caller who says nothing: the user of the workspace's own name."""


def preflight(connection: Connection, units: Sequence[Admission]) -> list[Hold | StudioError]:
    """Place holds or refuse them, and post what their workspaces have to be told, at once."""
    answers, alerts = admit(connection, units)
    tell(connection, alerts)
    return answers


def tell(connection: Connection, alerts: Iterable[Alert]) -> None:
    """Post alerts in the transaction of what they tell."""
    messages = [Message(each.owner, each.event, each.subject, each.payload) for each in alerts]
    post(connection, messages)


def check_identity(database: Database, owner: str, user: str, need: Need) -> None:
    """Let pass who may do this for the workspace; every door begins with it.

    Args:
        user: who acts; empty stands for the user of the workspace's own name.

    Raises:
        AccountRefused: the user is no member who may.
    """
    with database.read() as connection:
        require_member(connection, user or owner, owner, need)
