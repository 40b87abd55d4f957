"""``studio batch pause``, ``resume``, ``cancel``: what is wished of a batch that is being run."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from batches import find_batch
from engine.batch_approval import Approval, Verdict, decide
from engine.batch_control import Verb, Wish, ask_for
from engine.studio import Studio
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import Fact, plain, show_facts
from interfaces.cli.session import Session

_GOES_ON = "runs: rows begin as before"
_CANCELLED = "is being cancelled: rows under way finish, no other begins"


def is_running(studio: Studio, owner: str, batch: str) -> bool:
    """Whether a live process runs a batch.

    Raises:
        NotFound: the owner has no such batch.
    """
    with studio.database.read() as connection:
        record = find_batch(connection, owner, batch)
    return record.state == "running" and bool(record.worker) and studio.worker.alive(record.worker)


def ask(session: Session, batch: str, verb: Verb) -> int:
    """Pause, resume or cancel a batch that another process runs, and say what that means."""
    with opened_studio() as studio:
        wish = studio.database.write(
            partial(
                ask_for,
                owner=session.owner,
                batch=batch,
                verb=verb,
                user=session.user,
                worker=studio.worker,
                lasts=timedelta(minutes=studio.settings.hold_minutes),
            )
        )
    session.out.result(
        {"batch": batch, "wish": wish_document(wish)},
        lambda to: show_facts(to, [("batch", batch), wish_fact(wish)]),
    )
    return Exit.DONE


def say(session: Session, batch: str, verdict: Verdict, by: str, reason: str) -> int:
    """Approve or reject a batch that waits, and say what is kept of it."""
    with opened_studio() as studio:
        word = studio.database.write(
            partial(
                decide,
                owner=session.owner,
                batch=batch,
                verdict=verdict,
                by=by or session.user or session.owner,
                reason=reason,
                lasts=timedelta(minutes=studio.settings.hold_minutes),
            )
        )
    session.out.result(
        {"batch": batch, "approval": word.as_dict()},
        lambda to: show_facts(to, [("batch", batch), word_fact(word)]),
    )
    return Exit.DONE


def word_fact(word: Approval) -> Fact:
    """Return what was decided about a batch, or that nobody has yet, for people."""
    if word.waiting:
        return ("approval", f"waits until {word.until:%Y-%m-%d %H:%M} UTC, for {word.asked_by}")
    if word.decided_at is None or not word.by:
        return ("approval", "nobody decided in time")
    why = f": {word.reason}" if word.reason else ""
    at = f"{word.decided_at:%Y-%m-%d %H:%M} UTC"
    return ("approval", plain(f"{word.decision} by {word.by} at {at}{why}"))


def wish_document(wish: Wish | None) -> dict[str, Any] | None:
    """Return what is wished of a batch as JSON values."""
    if wish is None:
        return None
    document = {"wish": wish.wish, "user": wish.user, "at": wish.at.isoformat()}
    return document | ({"until": wish.until.isoformat()} if wish.wish == "pause" else {})


def wish_fact(wish: Wish | None) -> Fact:
    """Return the same for people."""
    if wish is None:
        return ("wish", _GOES_ON)
    if wish.wish == "cancel":
        return ("wish", f"{_CANCELLED} ({wish.user})")
    until = f"{wish.until:%Y-%m-%d %H:%M} UTC"
    return ("wish", f"paused by {wish.user}; its credits are held until {until}")
