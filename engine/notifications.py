"""Notifications: messages of the outbox as text, sent through Apprise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import apprise

from engine.outbox import Message, Waiting, deliver, discard
from studio import credits as money
from studio.database import Database
from studio.settings import Settings


class NotSent(Exception):
    """A channel did not take a message. Its address, which holds secrets, is never named."""


def send_waiting(database: Database, config: Settings) -> int:
    """Send what is due to every configured channel and return how many messages went out.

    Without a channel there is nobody to tell: messages are then noted as sent to no one.
    """
    if not config.notify_urls:
        return discard(database)
    channel = apprise.Apprise()
    for number, url in enumerate(config.notify_urls, start=1):
        if not channel.add(url.get_secret_value()):
            raise NotSent(f"notification channel {number} of STUDIO_NOTIFY_URLS is not understood")

    def send(waiting: Waiting) -> None:
        title, body = words(waiting)
        if not channel.notify(title=title, body=body):
            raise NotSent("a notification channel did not take the message")

    return deliver(database, send)


def words(waiting: Waiting) -> tuple[str, str]:
    """Return title and body of a message."""
    message = waiting.message
    title, lines = _WORDS.get(message.event, _of_something)(message)
    return title, "\n".join([*lines, f"Message {waiting.id}"])


def _of_something(message: Message) -> tuple[str, list[str]]:
    """Tell an event that nobody has words for, rather than not at all."""
    return f"{message.event}: {message.subject}", [f"For {message.owner}."]


def _of_batch(message: Message) -> tuple[str, list[str]]:
    counts = ", ".join(f"{count} {state}" for state, count in message.payload["counts"].items())
    return f"Batch {message.payload['name']}: {counts}", _spent(message)


def _of_picture(message: Message) -> tuple[str, list[str]]:
    return f"Picture ready: {message.payload['label']}", _spent(message)


def _spent(message: Message) -> list[str]:
    spent = money.show(int(message.payload["credits"]))
    return [f"{spent} credits spent by {message.owner}.", *message.payload.get("links", ())]


def _of_budget(message: Message) -> tuple[str, list[str]]:
    it = message.payload
    title = f"{message.owner}: {it['percent']} % of the budget of {it['budget']}"
    lines = [
        f"{money.show(it['spent'])} of {money.show(it['amount'])} credits are spent or held.",
        f"The next period begins at {it['resets_at']}.",
    ]
    if it["refused"]:
        lines.insert(1, "A run was refused because it would have gone beyond it.")
    return title, lines


def _of_balance(message: Message) -> tuple[str, list[str]]:
    it = message.payload
    title = f"{message.owner}: {money.show(it['left'])} credits are left"
    return title, [f"You wanted to be told below {money.show(it['threshold'])}."]


def _of_holds(message: Message) -> tuple[str, list[str]]:
    it = message.payload
    title = f"{message.owner}: holds of {it['holds']} runs ended by time"
    returned = money.show(it["returned"])
    return title, [f"{returned} credits returned. These runs died: {', '.join(it['purposes'])}."]


def _of_books(message: Message) -> tuple[str, list[str]]:
    faults = message.payload["faults"]
    title = f"The books do not agree: {message.payload['count']} faults"
    return title, [*faults, "`studio doctor` tells more. Nothing was changed."]


_WORDS: Mapping[str, Callable[[Message], tuple[str, list[str]]]] = MappingProxyType(
    {
        "batch.finished": _of_batch,
        "picture.ready": _of_picture,
        "budget.threshold": _of_budget,
        "balance.low": _of_balance,
        "holds.expired": _of_holds,
        "books.disagree": _of_books,
    }
)
"""What is said of each kind of event: a title, and lines."""
