"""What owners wish for what arrives in their libraries: that somebody tags it by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from library.card_tables import cards
from library.numbers import number_at
from library.tables import asset_looks, library_wishes
from studio import clock

MOST_OWNERS = 10_000


@dataclass(frozen=True, slots=True)
class Wish:
    """That pictures are tagged when they arrive.

    Attributes:
        auto_tag: by which provider; ``auto`` for the cheapest, empty for nobody.
        user: who switched it on, and is asked for at the gate.
        project: whose budget is kept to; empty for none.
        since: pictures that were there before are left alone.
    """

    owner: str
    auto_tag: str
    user: str
    project: str
    since: datetime


def wish_of(connection: Connection, owner: str) -> Wish | None:
    """Return an owner's wish; ``None`` where there never was one."""
    query = select(library_wishes).where(library_wishes.c.owner == owner)
    row = connection.execute(query).mappings().first()
    return Wish(**row) if row else None


def wish(connection: Connection, owner: str, auto_tag: str, user: str, project: str = "") -> Wish:
    """Take down a wish, in the place of the one before; from now on, unless it was on already."""
    before = wish_of(connection, owner)
    on = before is not None and before.auto_tag
    since = before.since if before is not None and on and auto_tag else clock.now()
    made = Wish(owner, auto_tag, user, project, since)
    values = {"auto_tag": auto_tag, "user": user, "project": project, "since": since}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(library_wishes).values(owner=owner, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["owner"], set_=values))
    return made


def wishes(connection: Connection) -> list[Wish]:
    """Return every wish that is on, by owner."""
    query = select(library_wishes).where(library_wishes.c.auto_tag != "")
    query = query.order_by(library_wishes.c.owner).limit(MOST_OWNERS)
    return [Wish(**row) for row in connection.execute(query).mappings()]


def arrived(connection: Connection, wanted: Wish, limit: int) -> list[str]:
    """Return pictures that arrived since a wish and that nobody has looked at, oldest first."""
    looked = exists().where(asset_looks.c.asset == cards.c.asset)
    query = (
        select(cards.c.asset)
        .where(
            cards.c.owner == wanted.owner,
            cards.c.number >= number_at(wanted.since),
            cards.c.kind == "image",
            cards.c.deleted_at.is_(None),
            ~looked,
        )
        .order_by(cards.c.number)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())
