"""Files and rows in agreement: the trash emptied, files that nothing needs removed, both checked.

A file is cleared away only when nothing needs it and it is old: one that somebody stores at this
moment is young, also if it was there before (``BlobStore.put`` renews it). It is set aside first,
where it is still found, and removed a day later, so that no kill and no race costs a file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from engine.purged import forget_requests
from engine.studio import Studio
from engine.tables import incoming_files, jobs
from library.guesses import forget_guesses
from library.purging import (
    Purged,
    disagreements,
    files_in_use,
    forget_leaving,
    leaving,
    look_later,
    note_leaving,
    purge,
)
from studio.clock import now

GRACE = timedelta(days=1)
"""How old a file must be to be removed; no work is under way for so long."""

MOST_TOLD = 100
"""Faults of one kind that are named."""

_MOST_ROUNDS = 20
"""Transactions, each of up to 500 assets, by which one request empties a trash."""

_AT_ONCE = 5_000
"""Files that are cleared away between two looks at what is needed."""

_OPEN = ("prepared", "submitted", "generated", "unknown")


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was cleared away.

    Attributes:
        assets: taken out of the trash, for good.
        files: set aside; they are removed a day later, unless something needs them again.
        bytes: that these have.
        freed: bytes that count no more as kept by their owners: also of files that are still too
            young to be set aside, or that another asset has as well.
    """

    assets: int
    files: int
    bytes: int
    freed: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether files and rows agree.

    Attributes:
        files: in the store.
        bytes: that these have.
        missing: assets whose file is not there, up to 100.
        orphans: files that nothing needs, up to 100; ``remove_orphans`` clears old ones away.
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
    """Purge what is in the trash for longer than the setting says, and clear its files away.

    Guesses at links to boards are forgotten as well, a day after they were made.
    """
    studio.database.write(forget_guesses)
    before = now() - timedelta(days=studio.settings.trash_days)
    return _purge(studio, before)


def empty_trash_of(studio: Studio, owner: str) -> Tidied:
    """Purge all that an owner has in the trash now, up to 10,000 assets, and clear files away."""
    return _purge(studio, now(), owner, rounds=_MOST_ROUNDS)


def _purge(studio: Studio, before: datetime, owner: str = "", rounds: int = 0) -> Tidied:
    total = freed = done = 0
    while not rounds or done < rounds:
        gone = studio.database.write(lambda connection: _purge_some(connection, before, owner))
        total, freed, done = total + len(gone.assets), freed + gone.bytes, done + 1
        if not gone.assets:
            break
    return Tidied(total, *_clear(studio), freed)


def _purge_some(connection: Connection, before: datetime, owner: str) -> Purged:
    gone = purge(connection, before, of=owner)
    forget_requests(connection, gone.assets)
    return gone


def remove_orphans(studio: Studio) -> Tidied:
    """Clear files away that nothing needs and that are older than a day."""
    young = now() - GRACE
    old, aside = set(), set()
    for each in studio.store.list():
        if each.aside:
            aside.add(each.digest)
        elif each.changed_at < young:
            old.add(each.digest)
    with studio.database.read() as connection:
        unneeded = sorted(old - _needed(connection, old) | aside)
    for start in range(0, len(unneeded), _AT_ONCE):
        some = unneeded[start : start + _AT_ONCE]
        studio.database.write(partial(note_leaving, digests=some))
    return Tidied(0, *_clear(studio))


def _clear(studio: Studio) -> tuple[int, int]:
    """Clear away what was noted down as leaving and is needed no more.

    A file is set aside first and removed a day later. What is young, or aside, is looked at again.
    """
    files = size = 0
    while True:
        with studio.database.read() as connection:
            looked = leaving(connection, _AT_ONCE)
            needed = _needed(connection, looked.keys()) if looked else set()
        if not looked:
            return files, size
        done: dict[str, datetime] = {}
        later: dict[str, datetime] = {}
        for digest, due in looked.items():
            if digest in needed:
                studio.store.bring_back(digest)
                done[digest] = due
                continue
            cleared = studio.store.clear(digest, before=now() - GRACE)
            files, size = files + (cleared.bytes > 0), size + cleared.bytes
            (done if cleared.gone else later)[digest] = due
        _write_down(studio, done, later)


def _write_down(
    studio: Studio, done: Mapping[str, datetime], later: Mapping[str, datetime]
) -> None:
    def work(connection: Connection) -> None:
        forget_leaving(connection, done)
        look_later(connection, later, now() + GRACE)

    studio.database.write(work)


def _needed(connection: Connection, wanted: Collection[str]) -> set[str]:
    """Return those of the files that something needs."""
    needed = {each for _, *both in files_in_use(connection) for each in both if each in wanted}
    # Work that is under way has files that are no assets yet, and batches have been brought in.
    query = select(jobs.c.delivery, jobs.c.pictures).where(jobs.c.state.in_(_OPEN))
    for row in connection.execute(query):
        needed |= (_mentioned(row.delivery) | _mentioned(row.pictures)) & set(wanted)
    brought = select(incoming_files.c.sha256).distinct()
    return needed | {each for each in connection.execute(brought).scalars() if each in wanted}


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
    found = list(studio.store.list())
    kept = {each.digest: each.bytes for each in found if not each.aside}
    there = {each.digest for each in found}
    with studio.database.read() as connection:
        faults = disagreements(connection)
        missing = [
            identifier for identifier, sha256, _ in files_in_use(connection) if sha256 not in there
        ]
        orphans = set(kept) - _needed(connection, kept.keys())
    return Checked(
        files=len(kept),
        bytes=sum(kept.values()),
        missing=tuple(missing[:MOST_TOLD]),
        orphans=tuple(sorted(orphans)[:MOST_TOLD]),
        orphan_bytes=sum(kept[each] for each in orphans),
        faults=tuple(faults[:MOST_TOLD]),
    )
