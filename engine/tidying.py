"""Files and rows in agreement: the trash emptied, files that nothing needs removed, both checked.

A file is removed only when nothing needs it and it is old: one that somebody stores at this moment
is young, also if it was there before (``BlobStore.put`` renews it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from engine.studio import Studio
from engine.tables import jobs
from library.guesses import forget_guesses
from library.purging import disagreements, files_in_use, purge
from studio.clock import now

GRACE = timedelta(days=1)
"""How old a file must be to be removed; no work is under way for so long."""

MOST_TOLD = 100
"""Faults of one kind that are named."""

_MOST_ROUNDS = 20
"""Transactions, each of up to 500 assets, by which one request empties a trash."""

_OPEN = ("prepared", "submitted", "generated", "unknown")


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was cleared away.

    Attributes:
        assets: taken out of the trash, for good.
        files: removed.
        bytes: that these had.
    """

    assets: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether files and rows agree.

    Attributes:
        files: in the store.
        bytes: that these have.
        missing: assets whose file is not there, up to 100.
        orphans: files that nothing needs, up to 100; upkeep removes what is older than a day.
        orphan_bytes: of all of them.
        faults: where cards, words and counts do not agree, in words.
    """

    files: int
    bytes: int
    missing: tuple[str, ...]
    orphans: tuple[str, ...]
    orphan_bytes: int
    faults: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether nothing is missing and all agrees; orphans are no fault."""
        return not self.missing and not self.faults


def empty_trash(studio: Studio) -> Tidied:
    """Purge what is in the trash for longer than the setting says, and remove its files.

    Guesses at links to boards are forgotten as well, a day after they were made.
    """
    studio.database.write(forget_guesses)
    before = now() - timedelta(days=studio.settings.trash_days)
    return _purge(studio, before)


def empty_trash_of(studio: Studio, owner: str) -> Tidied:
    """Purge all that an owner has in the trash now, up to 10,000 assets, and remove its files."""
    return _purge(studio, now(), owner, rounds=_MOST_ROUNDS)


def _purge(studio: Studio, before: datetime, owner: str = "", rounds: int = 0) -> Tidied:
    digests: set[str] = set()
    total = done = 0
    while not rounds or done < rounds:
        number, some = studio.database.write(lambda connection: purge(connection, before, of=owner))
        total, digests, done = total + number, digests | set(some), done + 1
        if not number:
            break
    files, size = _remove(studio, digests) if digests else (0, 0)
    return Tidied(total, files, size)


def remove_orphans(studio: Studio) -> Tidied:
    """Remove files that nothing needs and that are older than a day."""
    young = now() - GRACE
    old = {each.digest for each in studio.store.list() if each.changed_at < young}
    return Tidied(0, *_remove(studio, old))


def _remove(studio: Studio, digests: set[str]) -> tuple[int, int]:
    """Remove those of the files that nothing needs; young ones are left to a later time."""
    with studio.database.read() as connection:
        unneeded = digests - _needed(connection)
    removed = size = 0
    for digest in sorted(unneeded):
        gone = studio.store.remove(digest, before=now() - GRACE)
        removed, size = removed + (gone > 0), size + gone
    return removed, size


def _needed(connection: Connection) -> set[str]:
    needed = {each for _, *both in files_in_use(connection) for each in both}
    # Work that is under way has files that are no assets yet.
    query = select(jobs.c.delivery, jobs.c.pictures).where(jobs.c.state.in_(_OPEN))
    for row in connection.execute(query):
        needed |= _mentioned(row.delivery) | _mentioned(row.pictures)
    return needed


def _mentioned(value: Any) -> set[str]:
    """Return all hashes that a JSON value holds, wherever they are in it."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        value = list(value.values())
    return (
        {each for item in value for each in _mentioned(item)} if isinstance(value, list) else set()
    )


def check_library(studio: Studio) -> Checked:
    """Compare the file store with the database, and the database with itself."""
    kept = {each.digest: each.bytes for each in studio.store.list()}
    with studio.database.read() as connection:
        faults = disagreements(connection)
        missing = [
            identifier for identifier, sha256, _ in files_in_use(connection) if sha256 not in kept
        ]
        orphans = set(kept) - _needed(connection)
    return Checked(
        files=len(kept),
        bytes=sum(kept.values()),
        missing=tuple(missing[:MOST_TOLD]),
        orphans=tuple(sorted(orphans)[:MOST_TOLD]),
        orphan_bytes=sum(kept[each] for each in orphans),
        faults=tuple(faults[:MOST_TOLD]),
    )
