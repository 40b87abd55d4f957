"""Boards at the studio's door: guests come in, say something, and the owner is told of it.

What is told is written into the outbox in the transaction of what has happened.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from engine.outbox import Message, post
from engine.quoting import quote_key
from engine.studio import Studio
from library.board_audit import note
from library.board_guests import Decision, Visit, decide, guest_of, no_board, open_link, say
from library.board_items import items_on
from library.board_links import Link, link_of_token
from library.boards import board_behind
from library.guesses import (
    ADDRESS_PASSWORDS,
    LINK_PASSWORDS,
    UNKNOWN_LINKS,
    Bound,
    give_back,
    seconds_to_wait,
    take_guess,
)
from studio import clock, passwords
from studio.errors import TooManyRequests, shorten
from studio.settings import Settings

_PURPOSE = b"image-studio: who guesses links to boards"


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody at a link that can be opened, or is open to them.

    Attributes:
        visit: of whom has opened it; ``None`` for who has to.
        secret: what the guest is known by; empty for a new one.
    """

    link: Link
    visit: Visit | None
    secret: str


def arrive(studio: Studio, token: str, secret: str, address: str) -> Arrived:
    """Let somebody to a link.

    Args:
        token: the link's.
        secret: what the guest's browser has been given; empty if nothing.
        address: where the guest comes from.

    Raises:
        NotFound: there is no such link, or it was revoked, has expired or is used up; all are
            answered alike.
        TooManyRequests: so many links were asked for in vain from that address that none that is
            not open already is looked up.
    """
    key = _key(studio.settings, "link", address)
    with studio.database.read() as connection:
        link = link_of_token(connection, token)
        guest = guest_of(connection, link.id, secret) if link is not None else None
        wait = seconds_to_wait(connection, key, UNKNOWN_LINKS)
    if link is not None and guest is not None and guest.visits and link.counts(clock.now()):
        return Arrived(link, Visit(link, guest), secret)
    if wait:
        raise _too_many(UNKNOWN_LINKS, wait)
    if link is None or not link.opens:
        studio.database.write(lambda connection: take_guess(connection, key, UNKNOWN_LINKS))
        raise no_board()
    return Arrived(link, None, secret if guest is not None else "")


def come_in(studio: Studio, arrived: Arrived) -> tuple[Visit, str]:
    """Open a link for somebody; return the visit and what the guest is known by from now on.

    Raises:
        NotFound: no opening is left, or the link was revoked meanwhile.
    """

    def work(connection: Connection) -> tuple[Visit, str]:
        guest, secret, number = open_link(connection, arrived.link, arrived.secret)
        if number == 1:
            message = Message("", "board.opened", arrived.link.id, {})
            _tell(connection, message, arrived.link)
        return Visit(arrived.link, guest), secret

    return studio.database.write(work)


def unlock(studio: Studio, link: Link, password: str, address: str) -> bool:
    """Whether a password is the link's; each guess is counted before it is looked at.

    Raises:
        TooManyRequests: there were too many wrong ones from that address, or to that link.
    """
    keys = {
        _key(studio.settings, "password", address): ADDRESS_PASSWORDS,
        _key(studio.settings, "password of", link.id): LINK_PASSWORDS,
    }
    _take(studio, keys)
    if passwords.is_right(password, link.password):
        studio.database.write(lambda connection: _give_back(connection, keys))
        return True

    def wrong(connection: Connection) -> None:
        note(connection, link.board, "wrong_password", who="", link=link.id)
        key = next(reversed(keys))
        if seconds_to_wait(connection, key, LINK_PASSWORDS):
            note(connection, link.board, "guessing_stopped", who="", link=link.id)
            subject = f"{link.id}/{clock.now():%Y-%m-%dT%H:%M}"
            facts = {"most": LINK_PASSWORDS.most}
            _tell(connection, Message("", "board.guessed", subject, facts), link)

    studio.database.write(wrong)
    return False


def _take(studio: Studio, keys: dict[str, Bound]) -> None:
    """Count a guess under each key, or under none.

    Raises:
        TooManyRequests: one of them has no guess left.
    """

    def work(connection: Connection) -> tuple[Bound, int] | None:
        taken: list[str] = []
        for key, bound in keys.items():
            if not take_guess(connection, key, bound):
                _give_back(connection, taken)
                return bound, seconds_to_wait(connection, key, bound)
            taken.append(key)
        return None

    refused = studio.database.write(work)
    if refused is not None:
        raise _too_many(*refused)


def _give_back(connection: Connection, keys: Iterable[str]) -> None:
    for key in keys:
        give_back(connection, key)


def comment(studio: Studio, visit: Visit, item: str, name: str, text: str) -> None:
    """Write a guest's comment down and tell the owner; raises as ``say`` does."""

    def work(connection: Connection) -> None:
        identity = say(connection, visit, item, name, text)
        facts = {"name": name, "text": shorten(text), **_about(connection, visit, item)}
        _tell(connection, Message("", "board.commented", identity, facts), visit.link)

    studio.database.write(work)


def judge(studio: Studio, visit: Visit, item: str, name: str, decision: Decision | None) -> None:
    """Write a guest's decision down, or that it was taken back; raises as ``decide`` does."""

    def work(connection: Connection) -> None:
        if decide(connection, visit, item, name, decision):
            subject = f"{item}/{visit.guest.id}/{clock.now().isoformat()}"
            facts = {
                "name": name,
                "decision": decision or "taken back",
                **_about(connection, visit, item),
            }
            _tell(connection, Message("", "board.decided", subject, facts), visit.link)

    studio.database.write(work)


def _about(connection: Connection, visit: Visit, item: str) -> dict[str, object]:
    (found,) = items_on(connection, visit.link.board, item)
    return {"asset": found.asset.id, "assets": [found.asset.id]}


def _tell(connection: Connection, message: Message, link: Link) -> None:
    """Put a message about a link into the outbox, for whom its board belongs to."""
    board = board_behind(connection, link)
    facts = {"board": board.id, "title": board.title, "link": link.id, "label": link.label}
    whole = replace(message, owner=board.owner, payload={**facts, **message.payload})
    post(connection, [whole])


def _too_many(bound: Bound, seconds: int) -> TooManyRequests:
    wait = max(1, seconds)
    return TooManyRequests(
        f"Too many attempts. Come back in {-(-wait // 60)} minutes.",
        allowed=f"{bound.most} in {int(bound.within.total_seconds() // 60)} minutes",
        retry_after=wait,
    )


def _key(config: Settings, kind: str, value: str) -> str:
    """Return what guesses are counted under: it names nobody to who reads the database."""
    secret = hmac.digest(quote_key(config), _PURPOSE, hashlib.sha256)
    text = f"{kind}\n{value}".encode("utf-8", "replace")
    return hmac.new(secret, text, hashlib.sha256).hexdigest()
