"""Sending: deliveries go out through Apprise, with thumbnails where a channel takes them.

Whatever goes wrong is told without the channel's URL, which holds secrets: Apprise's own words,
which may name hosts and paths, are read for a status and go no further.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apprise
from apprise.attachment.memory import AttachMemory
from sqlalchemy import select

from engine.announcements import MOST_PICTURES
from engine.channels import HOOK, Channel, channels_for, channels_of_settings, find_channel, url_of
from engine.deliveries import Parcel, deliver, route
from engine.events import Weight, weight_of
from engine.notifications import LONGEST_BODY, cut, joined, words
from engine.outbox import Message, Waiting
from engine.outputs import thumbnail
from engine.tables import channels
from engine.webhooks import NotTaken, deliver_hook
from library import Asset, find_assets
from studio.database import Database
from studio.errors import InvalidRequest, NotFound, StudioError
from studio.ids import new_id
from studio.settings import Settings
from studio.storage import BlobStore

_LARGEST_PICTURE = 256_000
"""Bytes of one thumbnail that is attached."""

_ATTEMPTS_WITH_PICTURES = 2
"""Attempts after which a message goes without pictures: they may be why it is not taken."""

_SHORTEST_BODY = 100
_TALKERS = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")
_STATUS = re.compile(r"error=(\d{3})\b")


class NotSent(Exception):
    """A channel did not take a message. Its address, which holds secrets, is never named."""


def send_waiting(
    database: Database,
    config: Settings,
    store: BlobStore | None = None,
    told: Callable[[Sequence[Waiting]], None] = lambda _: None,
) -> int:
    """Give waiting messages to their channels and send what is due; return how much went out.

    Args:
        store: where thumbnails are kept; without it none are attached.
        told: told of the messages that go to channels, each once, whether any takes it or not.
    """
    route(database, lambda connection, owners: channels_for(connection, owners, config), told)

    def send(parcel: Parcel) -> int:
        channel = _find(database, config, parcel.channel)
        if channel.address.startswith(HOOK):
            (only,) = parcel.waiting
            _hook(channel, only, config)
            return 1
        plugin = plugin_of(channel, config)
        if parcel.together:
            room = max(_SHORTEST_BODY, min(LONGEST_BODY, plugin.body_maxlen))
            title, body, count = joined(parcel.waiting, config, room)
        else:
            (only,) = parcel.waiting
            (title, body), count = words(only, config), 1
        messages = [each.message for each in parcel.waiting[:count]]
        shown: list[AttachMemory] = []
        if store and plugin.attachment_support and parcel.attempts <= _ATTEMPTS_WITH_PICTURES:
            shown = _pictures(database, store, messages)
        _notify(plugin, title, body, shown, weight_of(each.event for each in messages))
        return count

    return deliver(database, send)


def send_test(database: Database, config: Settings, owner: str, name: str) -> None:
    """Send a few words to a channel now, past the outbox.

    Raises:
        NotFound: there is no such channel.
        SetupIncomplete: its URL is not where it says.
        InvalidRequest: its URL is not one of Apprise's.
        NotSent: it did not take them.
    """
    of_settings = {channel.name: channel for channel in channels_of_settings(config)}
    if name in of_settings:
        channel = of_settings[name]
    else:
        with database.read() as connection:
            channel = find_channel(connection, owner, name)
    if channel.address.startswith(HOOK):
        told = Message(owner, "test", channel.id, {"channel": channel.name})
        _hook(channel, Waiting(new_id("msg"), told), config)
        return
    body = f"This is a test. The channel {channel.name} of {owner} works."
    _notify(plugin_of(channel, config), "Image Studio: a test", body, [], "info")


def _hook(channel: Channel, waiting: Waiting, config: Settings) -> None:
    try:
        deliver_hook(channel, waiting, config)
    except NotTaken as error:
        raise NotSent(f"the receiver did not take the message: {error}") from None


def plugin_of(channel: Channel, config: Settings) -> Any:
    """Return Apprise's plugin for a channel.

    Raises:
        SetupIncomplete: the channel's URL is not where it says.
        InvalidRequest: Apprise does not understand it.
    """
    url = url_of(channel, config)
    with _unheard():
        plugin = apprise.Apprise.instantiate(url)
    if plugin is None:
        raise InvalidRequest(
            f"The URL of the channel {channel.name} is not one that Apprise understands.",
            field="channel",
            allowed="one of the kinds that Apprise documents",
        )
    return plugin


def _find(database: Database, config: Settings, identifier: str) -> Channel:
    """Return the channel of a delivery.

    Raises:
        NotFound: it is there no more.
    """
    for channel in channels_of_settings(config):
        if channel.id == identifier:
            return channel
    with database.read() as connection:
        query = select(channels.c.owner, channels.c.name).where(channels.c.id == identifier)
        row = connection.execute(query).first()
        if row is None:
            raise NotFound("There is no such channel any more.", field="channel", given=identifier)
        return find_channel(connection, row.owner, row.name)


def _notify(
    plugin: Any, title: str, body: str, shown: Sequence[AttachMemory], weight: Weight
) -> None:
    with _unheard() as said:
        try:
            taken = apprise.Apprise(plugin).notify(
                title=title,
                body=_shortened(body, plugin.body_maxlen),
                notify_type=weight,
                # Names from strangers stay text where a channel would read markup.
                body_format=apprise.NotifyFormat.TEXT,
                attach=apprise.AppriseAttachment(list(shown)) if shown else None,
            )
        except Exception as error:  # noqa: BLE001 - plugins raise what they like, with URLs in it
            raise NotSent(f"the channel's plugin failed with {type(error).__name__}") from None
        status = _STATUS.search(" ".join(said))
    if not taken:
        why = f"it answered {status[1]}" if status else "it cannot be reached, or refused"
        raise NotSent(f"the channel did not take the message: {why}")


class _Unheard(logging.Filter):
    """Takes what one thread logs, and lets nobody else have it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        self.said.append(record.getMessage())
        return False


@contextmanager
def _unheard() -> Iterator[list[str]]:
    """Keep from the logs what names hosts, paths and whole URLs; yields what was said."""
    unheard = _Unheard()
    loggers = [logging.getLogger(name) for name in _TALKERS]
    for logger in loggers:
        logger.addFilter(unheard)
    try:
        yield unheard.said
    finally:
        for logger in loggers:
            logger.removeFilter(unheard)


def _shortened(body: str, room: int) -> str:
    """Keep a body to what the channel takes, and its last line, the message's id, whole."""
    if len(body) <= max(room, _SHORTEST_BODY):
        return body
    text, _, mark = body.rpartition("\n")
    return f"{cut(text, room - len(mark) - 1)}\n{mark}"


def _pictures(
    database: Database, store: BlobStore, messages: Sequence[Message]
) -> list[AttachMemory]:
    """Return the first thumbnails of what messages tell of; a lost one stops no message."""
    found: list[AttachMemory] = []
    for message in messages:
        wanted = message.payload.get("assets", ())[: MOST_PICTURES - len(found)]
        if not wanted:
            continue
        try:
            with database.read() as connection:
                made = find_assets(connection, message.owner, list(wanted))
        except StudioError:
            continue
        found += [each for each in (_picture(store, asset) for asset in made) if each]
    return found


def _picture(store: BlobStore, asset: Asset) -> AttachMemory | None:
    try:
        data = thumbnail(store, asset.sha256, asset.thumbnail)
    except StudioError:
        return None
    if len(data) > _LARGEST_PICTURE:
        return None
    return AttachMemory(content=data, name=f"{asset.id}.webp", mimetype="image/webp")
