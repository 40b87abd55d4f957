"""Channels: who is told of what, how often, and where the address is kept.

An Apprise URL holds passwords and tokens. The database names the place that it is kept at, an
environment variable or a file, and never holds the URL itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from sqlalchemy import Connection, delete, func, insert, select

from billing.accounts.members import require_member
from engine.digests import Digest
from engine.outbox import Message
from engine.tables import channels, deliveries
from studio.clock import now
from studio.errors import AccountRefused, Conflict, InvalidRequest, NotFound, SetupIncomplete
from studio.ids import new_id
from studio.settings import Settings

MOST_CHANNELS = 50
"""Channels of one owner."""

_LONGEST_ADDRESS = 4_096
"""Bytes of a file with an Apprise URL."""

HOOK = "hook:"
"""What the address of a webhook begins with; its URL, which has no secret, is behind it."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_ENVIRONMENT = re.compile(r"env:(STUDIO_CHANNEL_[A-Z0-9_]{1,60})")
_FILE = re.compile(r"file:([A-Za-z0-9_-][A-Za-z0-9._-]{0,79})")
_OF_SETTINGS = "settings/"

ADDRESSES = (
    "env:STUDIO_CHANNEL_NAME, file:NAME of a file in the folder channels of STUDIO_HOME, or hook: "
    "and the https address of a receiver of webhooks"
)


@dataclass(frozen=True, slots=True)
class Channel:
    """Somebody who is told.

    Attributes:
        id: ``chn_`` and 26 characters, or ``settings/`` and a number.
        owner: of whose messages; empty for one of the settings, which gets everybody's.
        user: whose channel it is: what others did is not told there. Empty for all users.
        address: where its URL is kept.
        events: what it is told of; nothing stands for all.
    """

    id: str
    owner: str
    user: str
    name: str
    address: str
    events: tuple[str, ...]
    digest: Digest

    def takes(self, message: Message) -> bool:
        """Whether a message is for this channel."""
        about = message.payload.get("user", "")
        return (
            self.owner in {"", message.owner}
            and (not self.events or message.event in self.events)
            and (not self.user or about in {"", self.user})
        )


def add_channel(
    connection: Connection,
    owner: str,
    name: str,
    address: str,
    *,
    user: str = "",
    events: tuple[str, ...] = (),
    digest: Digest,
    origins: Sequence[str] = (),
) -> Channel:
    """Add a channel; it is told of what happens from now on.

    Args:
        origins: addresses inside that webhooks may go to, as the operator configured them.

    Raises:
        InvalidRequest: the name or the address is not one; what was given as the address is not
            repeated, because it may be a secret.
        AccountRefused: the user is no member of the workspace.
        Conflict: the owner has a channel of that name, or as many as one may have.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "This is no name of a channel.",
            field="name",
            given=repr(name),
            allowed="1 to 40 of a-z, 0-9, _ and -, not beginning with _ or -",
        )
    if address.startswith(HOOK):
        _check_hook(address.removeprefix(HOOK), digest, origins)
    elif not (_ENVIRONMENT.fullmatch(address) or _FILE.fullmatch(address)):
        raise InvalidRequest(
            "The URL of a channel is a secret and is not kept in the database. Put it into an "
            "environment variable or a file, and say which.",
            field="address",
            allowed=ADDRESSES,
        )
    taken = select(func.count()).where(channels.c.owner == owner)
    if connection.execute(taken).scalar_one() >= MOST_CHANNELS:
        raise Conflict(f"{owner!r} has {MOST_CHANNELS} channels, and no more are kept.")
    if connection.execute(taken.where(channels.c.name == name)).scalar_one():
        raise Conflict(
            "There is a channel of that name; remove it first.", field="name", given=name
        )
    if user:
        require_member(connection, user, owner, "look")
    channel = Channel(new_id("chn"), owner, user, name, address, events, digest)
    connection.execute(
        insert(channels).values(
            id=channel.id,
            owner=owner,
            user=user,
            name=name,
            address=address,
            events=list(events),
            rhythm=digest.rhythm,
            at=digest.at,
            zone=digest.zone,
            created_at=now(),
        )
    )
    return channel


def _check_hook(url: str, digest: Digest, origins: Sequence[str]) -> None:
    """Refuse what no webhook can be sent to; what is signed needs no secret in its address."""
    from providers.links import Refused  # noqa: PLC0415 - as below
    from providers.postings import check_target  # noqa: PLC0415 - httpcore is heavy

    try:
        check_target(url, origins)
    except Refused as refused:
        raise InvalidRequest(
            f"Webhooks are not sent to this address: {refused.reason}.",
            field="address",
            allowed="https to a public host, without user and query: messages are signed",
        ) from None
    if digest != Digest():
        raise InvalidRequest(
            "A webhook is told of each thing at once.", field="digest", allowed="immediately"
        )


def remove_channel(connection: Connection, owner: str, name: str) -> int:
    """Remove a channel with what it was not told yet; return how many messages that were.

    Raises:
        NotFound: the owner has no such channel.
    """
    channel = find_channel(connection, owner, name)
    gone = connection.execute(
        delete(deliveries).where(deliveries.c.channel == channel.id, deliveries.c.state != "sent")
    )
    connection.execute(delete(channels).where(channels.c.id == channel.id))
    return int(gone.rowcount)


def find_channel(connection: Connection, owner: str, name: str) -> Channel:
    """Return a channel by its name.

    Raises:
        NotFound: the owner has no such channel.
    """
    for channel in channels_of(connection, owner):
        if channel.name == name:
            return channel
    raise NotFound(f"{owner!r} has no such channel.", field="channel", given=repr(name))


def channels_of(connection: Connection, owner: str) -> list[Channel]:
    """Return the owner's channels by name."""
    query = select(channels).where(channels.c.owner == owner).order_by(channels.c.name)
    return [_channel(row) for row in connection.execute(query)]


def channels_for(connection: Connection, owners: Sequence[str], config: Settings) -> list[Channel]:
    """Return who may be told of what happened to ``owners``: the settings' channels first.

    A channel of a user who is no member of the workspace any more is told nothing.
    """
    query = select(channels).where(channels.c.owner.in_(owners)).order_by(channels.c.id)
    found = [_channel(row) for row in connection.execute(query)]
    return [*channels_of_settings(config), *(each for each in found if _belongs(connection, each))]


def channels_of_settings(config: Settings) -> list[Channel]:
    """Return a channel for each URL of ``STUDIO_NOTIFY_URLS``: it is told everything at once."""
    names = [f"{_OF_SETTINGS}{number}" for number in range(1, len(config.notify_urls) + 1)]
    return [Channel(name, "", "", name, "", (), Digest()) for name in names]


def url_of(channel: Channel, config: Settings) -> str:
    """Return the Apprise URL of a channel. It is a secret.

    Raises:
        SetupIncomplete: it is not where the channel says; names the place, never what is in it.
    """
    if channel.id.startswith(_OF_SETTINGS):
        number = int(channel.id.removeprefix(_OF_SETTINGS))
        return config.notify_urls[number - 1].get_secret_value()
    if match := _ENVIRONMENT.fullmatch(channel.address):
        # As the settings: the environment first, then the file `.env`.
        url = os.environ.get(match[1]) or dotenv_values(".env").get(match[1]) or ""
    else:
        url = _read(config.folder / "channels" / channel.address.removeprefix("file:"))
    if not url.strip():
        raise SetupIncomplete(
            f"The channel {channel.name} has its URL in {channel.address}, and nothing is there."
        )
    return url.strip()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_ADDRESS).decode(errors="replace")
    except OSError:
        return ""


def _belongs(connection: Connection, channel: Channel) -> bool:
    if not channel.user:
        return True
    try:
        require_member(connection, channel.user, channel.owner, "look")
    except AccountRefused:
        return False
    return True


def _channel(row: Any) -> Channel:
    digest = Digest(row.rhythm, row.at, row.zone)
    return Channel(row.id, row.owner, row.user, row.name, row.address, tuple(row.events), digest)
