"""Files that a watched folder or bucket brings: each is taken once, whoever looks at the same time.

What is known of a file is its name, when it was written, and the digest of its bytes, which are
kept: so the run that does it reads what was taken, on whichever machine, and not what somebody
wrote there meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import fsspec
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from batches import LARGEST_FILE
from engine.tables import incoming_files
from studio.clock import now
from studio.errors import InvalidRequest, NotFound, StudioUnavailable
from studio.ids import new_id

PREFIX = "inc_"
"""What the ids of such files begin with."""
ALLOWED = "a folder's path, or an address such as s3://bucket/folder, gs://… or abfs://…"

_PROTOCOLS = {"", "file", "s3", "gs", "gcs", "abfs", "az", "memory"}
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
"""What programs call a file that they are still writing."""
_MOST_LISTED = 10_000
_MOST_ASKED = 200
_MOST_TAKEN = 20
_MOST_BYTES = 4 * LARGEST_FILE
"""Entries of a folder; files that are asked about, files and bytes that are taken in one look."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a watched folder.

    Attributes:
        name: without the folder.
        size: in bytes.
        written: when, in UTC.
    """

    name: str
    size: int
    written: datetime


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that was taken.

    Attributes:
        id: begins with ``inc_``.
        owner: whose.
        folder: in which it lay.
        name: without the folder.
        written: when, as text.
        sha256: digest of its bytes.
        state: ``taken``, ``done`` or ``failed``.
        run: Prefect's run that does it; empty until there is one.
    """

    id: str
    owner: str
    folder: str
    name: str
    written: str
    sha256: str
    state: str
    run: str


class Folder:
    """A folder or bucket that is watched.

    Args:
        url: a path, or an fsspec address.

    Raises:
        InvalidRequest: it cannot be one.
    """

    def __init__(self, url: str) -> None:
        protocol = url.partition("://")[0] if "://" in url else ""
        if protocol not in _PROTOCOLS or not url.strip():
            raise InvalidRequest("No such folder.", field="folder", given=url, allowed=ALLOWED)
        if not protocol and not Path(url).is_absolute():
            allowed = "an absolute path, as it is read where the studio runs"
            raise InvalidRequest("No such folder.", field="folder", given=url, allowed=allowed)
        self.url = url.rstrip("/") if url.strip("/") else url
        self.local = Path(url.removeprefix("file://")) if protocol in ("", "file") else None
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            allowed = f"{ALLOWED}; its package has to be installed"
            raise InvalidRequest(
                f"No such folder: {error}.", field="folder", given=url, allowed=allowed
            ) from None

    def look(self, pattern: str, settle: timedelta, busy: frozenset[str]) -> list[Found]:
        """Return the files that are complete, the oldest first: 20 at most, 200 MB together.

        Args:
            pattern: of their names, such as ``*.csv``.
            settle: for how long nobody must have written to them.
            busy: names of files that are taken and not yet put away.

        Raises:
            StudioUnavailable: the folder cannot be read.
        """
        with _reading(self.url):
            self._files.invalidate_cache()
            there = self._files.ls(self._root, detail=True)
        if len(there) > _MOST_LISTED:
            raise InvalidRequest(
                "There are too many files in the folder.",
                field="folder",
                given=f"{len(there)} in {self.url}",
                allowed=f"at most {_MOST_LISTED}",
            )
        found = sorted(self._complete(there, pattern, settle, busy), key=_age)
        taken: list[Found] = []
        for each in found[:_MOST_TAKEN]:
            if sum(it.size for it in taken) + each.size > _MOST_BYTES:
                break
            taken.append(each)
        return taken

    def _complete(
        self,
        there: list[dict[str, Any]],
        pattern: str,
        settle: timedelta,
        busy: frozenset[str],
    ) -> Iterator[Found]:
        names = []
        for each in there:
            name = str(each["name"]).rstrip("/").rpartition("/")[2]
            hidden = name.startswith((".", "~")) or name.lower().endswith(_UNFINISHED)
            if (
                each["type"] == "file"
                and not hidden
                and name not in busy
                and fnmatch(name, pattern)
            ):
                names.append(name)
        for name in sorted(names)[:_MOST_ASKED]:
            found = self.find(name)
            if found is not None and found.size and found.written <= now() - settle:
                yield found

    def find(self, name: str) -> Found | None:
        """Return how a file is now; ``None`` if it is not there."""
        path = f"{self._root}/{name}"
        try:
            with _reading(self.url):
                self._files.invalidate_cache()
                info = self._files.info(path)
                written = self._files.modified(path)
        except NotFound:
            return None
        if written.tzinfo is None:
            written = written.replace(tzinfo=UTC)
        return Found(name, int(info["size"]), written.astimezone(UTC))

    def read(self, found: Found) -> bytes | None:
        """Return a file's bytes; ``None`` if somebody writes to it, or took it away.

        Raises:
            InvalidRequest: it is larger than a batch file may be.
        """
        if found.size > LARGEST_FILE:
            raise InvalidRequest(
                "The batch file is too large.",
                field="file",
                given=f"{found.name}: {found.size} bytes",
                allowed=f"at most {LARGEST_FILE} bytes",
            )
        try:
            with _reading(self.url):
                data: bytes = self._files.cat_file(f"{self._root}/{found.name}")
        except NotFound:
            return None
        return data if self.find(found.name) == found and len(data) == found.size else None

    def put_away(self, it: Incoming, where: str) -> bool:
        """Move a file to a folder of the folder, unless another is there under its name by now.

        Args:
            where: ``done`` or ``failed``.

        Raises:
            StudioUnavailable: it cannot be moved.
        """
        found = self.find(it.name)
        if found is None or found.written.isoformat() != it.written:
            return False
        stem, dot, ending = it.name.partition(".")
        with _reading(self.url):
            self._files.makedirs(f"{self._root}/{where}", exist_ok=True)
            target = f"{self._root}/{where}/{it.name}"
            if self._files.exists(target):
                target = f"{self._root}/{where}/{stem}-{it.id}{dot}{ending}"
            self._files.mv(f"{self._root}/{it.name}", target)
        return True


class _reading:  # noqa: N801 - reads as a word where it is used
    """Tells what fails at a folder in the studio's words."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Tell what failed."""
        if isinstance(error, FileNotFoundError):
            raise NotFound("It is not there.", field="folder", given=self._url) from None
        if isinstance(error, OSError):
            raise StudioUnavailable(f"{self._url} cannot be used: {error}") from None


def take(
    connection: Connection, owner: str, folder: str, found: Found, sha256: str
) -> Incoming | None:
    """Take a file; ``None`` if it was taken before, by whomever."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    written = found.written.isoformat()
    it = Incoming(new_id("inc"), owner, folder, found.name, written, sha256, "taken", "")
    values = {name: getattr(it, name) for name in Incoming.__dataclass_fields__}
    new = dialect.insert(incoming_files).values(**values, taken_at=now()).on_conflict_do_nothing()
    # Not the row count: psycopg does not tell it for this statement.
    taken = connection.execute(new.returning(incoming_files.c.id)).first()
    return it if taken is not None else None


def under_way(connection: Connection, owner: str, folder: str) -> list[Incoming]:
    """Return the files of a folder that were taken and have not ended."""
    query = select(incoming_files).where(
        incoming_files.c.owner == owner,
        incoming_files.c.folder == folder,
        incoming_files.c.state == "taken",
    )
    rows = connection.execute(query.order_by(incoming_files.c.taken_at)).mappings()
    return [_of(row) for row in rows]


def find_incoming(connection: Connection, owner: str, identifier: str) -> Incoming:
    """Return a file that was taken.

    Raises:
        NotFound: ``owner`` has none of that id.
    """
    query = select(incoming_files).where(
        incoming_files.c.id == identifier, incoming_files.c.owner == owner
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no such file.", field="file", given=identifier)
    return _of(row)


def note_run(connection: Connection, it: Incoming, run: str) -> None:
    """Note which run does a file."""
    mine = update(incoming_files).where(incoming_files.c.id == it.id)
    connection.execute(mine.values(run=run))


def note_end(connection: Connection, it: Incoming, state: str) -> None:
    """Note that a file is done, or failed."""
    mine = update(incoming_files).where(incoming_files.c.id == it.id)
    connection.execute(mine.values(state=state, ended_at=now()))


def _of(row: Mapping[Any, Any]) -> Incoming:
    return Incoming(**{name: row[name] for name in Incoming.__dataclass_fields__})


def _age(found: Found) -> tuple[datetime, str]:
    return found.written, found.name
