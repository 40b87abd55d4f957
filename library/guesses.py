"""How often somebody may guess: counted in the database, for all processes and over restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from library.board_tables import guesses
from studio import clock

KEPT: Final = timedelta(days=1)
"""Longer than any window."""


@dataclass(frozen=True, slots=True)
class Bound:
    """So many guesses in so long a time, which begins with the first of them."""

    most: int
    within: timedelta


UNKNOWN_LINKS: Final = Bound(30, timedelta(minutes=15))
"""Links that one address may ask for in vain."""

ADDRESS_PASSWORDS: Final = Bound(10, timedelta(minutes=15))
"""Wrong passwords from one address, to whatever link."""

LINK_PASSWORDS: Final = Bound(50, timedelta(hours=1))
"""Wrong passwords to one link, from wherever."""


def seconds_to_wait(connection: Connection, key: str, bound: Bound) -> int:
    """Return for how long a key may not guess; 0 if it may."""
    query = select(guesses.c.since, guesses.c.count.label("number")).where(guesses.c.key == key)
    row = connection.execute(query).first()
    if row is None or row.number < bound.most:
        return 0
    left: timedelta = row.since + bound.within - clock.now()
    return max(0, math.ceil(left.total_seconds()))


def take_guess(connection: Connection, key: str, bound: Bound) -> bool:
    """Count a guess in one statement, so that many at once count as many; tell if it was allowed.

    What was not allowed is not counted: who goes on asking does not wait the longer for it.
    """
    moment = clock.now()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(guesses).values(key=key, since=moment, count=1)
    over = guesses.c.since <= moment - bound.within
    counted = row.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": case((over, 1), else_=guesses.c.count + 1),
            "since": case((over, row.excluded.since), else_=guesses.c.since),
        },
        where=over | (guesses.c.count < bound.most),
    ).returning(guesses.c.count)
    return connection.execute(counted).first() is not None


def give_back(connection: Connection, key: str) -> None:
    """Take a guess back that was right."""
    connection.execute(
        update(guesses)
        .where(guesses.c.key == key, guesses.c.count > 0)
        .values(count=guesses.c.count - 1)
    )


def forget_guesses(connection: Connection) -> int:
    """Forget the guesses of which no window is left; return of how many addresses and links."""
    old = guesses.c.since < clock.now() - KEPT
    return connection.execute(delete(guesses).where(old)).rowcount
