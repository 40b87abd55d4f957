"""Notifications: messages of the outbox as text, sent through Apprise."""

from __future__ import annotations

import apprise

from engine.outbox import Waiting, deliver, discard
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
    payload = message.payload
    if message.event == "batch.finished":
        counts = ", ".join(f"{count} {state}" for state, count in payload["counts"].items())
        title = f"Batch {payload['name']}: {counts}"
    else:
        title = f"Picture ready: {payload['label']}"
    spent = money.show(int(payload["credits"]))
    lines = [f"{spent} credits spent by {message.owner}.", *payload.get("links", ())]
    return title, "\n".join([*lines, f"Message {waiting.id}"])
