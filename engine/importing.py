"""Importing: files from outside are filed in groups, and everything that is refused is told.

There is nothing to be continued and nothing to be undone: what is filed is found by its hash, so a
process that was killed leaves whole groups or nothing of them, and the same import goes on when it
is run again. It reads each file anew, but what is there already is neither decoded nor kept again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.arrivals import Arrival, Looked, file_arrivals, look_at
from engine.import_sources import (
    MOST_BYTES,
    MOST_FILES,
    Fetch,
    Found,
    Item,
    PassedOver,
    Refused,
    items,
    items_of_zip,
)
from engine.storage_quota import Room, room_of
from engine.studio import Studio
from engine.uploads import ZIP
from library import Asset, find_asset, known_bytes
from providers.addresses import check_public
from providers.download import Downloader
from providers.links import Link, redacted
from providers.links import Refused as LinkRefused
from studio.errors import InvalidRequest, PictureRefused
from studio.settings import Settings

MOST_SOURCES = 1_000
_KINDS = "PNG, JPEG, WebP, GIF, MP4, WAV, MP3, GLB, JSON and plain text"
_KEPT = re.compile(r"ast_[0-9a-z_]{1,60}")
_GROUP = 500
_GROUP_BYTES = 64 * 1024 * 1024
"""Files of a group: they are in memory together, and filed in one transaction."""
_TOGETHER = 8


@dataclass(slots=True)
class Imported:
    """What an import came to.

    Attributes:
        new: how many files were filed.
        known: how many were there before, or twice in what was imported.
        passed_over: hidden files, and what systems leave in folders.
        bytes: of all files that were read.
        assets: under which the files are found, in their order; each once.
        refused: every file that may not come in, and why.
    """

    new: int = 0
    known: int = 0
    passed_over: int = 0
    bytes: int = 0
    assets: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many files there were, without those that nobody means."""
        return self.new + self.known + len(self.refused)

    def words(self) -> str:
        """Return what it came to, in a sentence."""
        return (
            f"{self.new} files are new in the library, {self.known} were there, "
            f"{len(self.refused)} are refused"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        return {
            "new": self.new,
            "known": self.known,
            "passed_over": self.passed_over,
            "bytes": self.bytes,
            "assets": self.assets,
            "refused": [
                {
                    "name": each.name,
                    "reason": each.reason,
                    "given": each.given,
                    "allowed": each.allowed,
                }
                for each in self.refused
            ],
        }


Tell = Callable[[Imported], None]
"""Is told how far it is, after each group."""


def bring_in(
    studio: Studio,
    owner: str,
    sources: Sequence[str],
    *,
    run: str = "",
    fetch: Fetch | None = None,
    tell: Tell = lambda _: None,
) -> Imported:
    """Import files, folders, ZIPs and what is at addresses.

    Args:
        sources: 1 to 1,000 of them; a ZIP may also be named as an asset of the owner's.
        run: the flow run or command that asks.
        fetch: instead of downloads from the public internet; for tests.
        tell: is told how far it is.

    Returns:
        What came in and what is refused. Where the workspace may keep no more, the import ends: the
        files of that group which did not fit are refused by name, and no other is read.

    Raises:
        InvalidRequest: there are no sources, too many, or one of them is nothing of the kind; what
            came before it is filed.
        StudioUnavailable: storage or database do not answer; the same import goes on later.
    """
    if not 1 <= len(sources) <= MOST_SOURCES:
        raise InvalidRequest(
            "There is nothing to import." if not sources else "Those are too many at once.",
            field="sources",
            given=len(sources),
            allowed=f"1 to {MOST_SOURCES:,} files, folders, ZIP files or addresses",
        )
    found = _all_items(studio, owner, sources, fetch or _downloads(studio))
    with ThreadPoolExecutor(studio.settings.local_width, "studio-import") as pool:
        work = _Import(studio, owner, run, pool)
        for group in _groups(_within_limits(found, work.done)):
            work.file(group)
            tell(work.done)
            if work.full:
                break
    return work.done


@dataclass(slots=True)
class _Import:
    """An import under way.

    Attributes:
        pool: where files are looked at.
        seen: the assets that were told already.
        full: whether a file did not fit into what the workspace may keep.
    """

    studio: Studio
    owner: str
    run: str
    pool: ThreadPoolExecutor
    done: Imported = field(default_factory=Imported)
    seen: set[str] = field(default_factory=set)
    full: bool = False

    def file(self, group: Sequence[tuple[Found, bytes]]) -> None:
        """File one group: what is new is looked at, kept and filed; the rest is found."""
        arrivals = [
            Arrival(item.name, data, hashlib.sha256(data).hexdigest(), item.origin)
            for item, data in group
        ]
        with self.studio.database.read() as connection:
            known = known_bytes(connection, self.owner, [each.sha256 for each in arrivals])
            room = room_of(connection, self.owner, self.studio.settings.storage_quota_mb)
        new = {each.sha256: each for each in reversed(arrivals) if each.sha256 not in known}
        looked = dict(zip(new, _all_looked(self.pool, list(new.values())), strict=True))
        # The files that come first have the room, and the same bytes need it once.
        firsts = [looked.get(each) for each in dict.fromkeys(it.sha256 for it in arrivals)]
        fitting, left = _fitting(room, [it for it in firsts if isinstance(it, Looked)])
        self.full = left is not None
        filed = file_arrivals(
            self.studio.database, self.studio.store, self.owner, fitting[::-1], self.run
        )
        mine = {each.asset.sha256: each for each in filed}
        for each in arrivals:
            found = looked.get(each.sha256)
            if isinstance(found, PictureRefused):
                self.done.refused.append(_refused(each.name, found))
            elif each.sha256 in mine:
                self._count(each, mine[each.sha256].asset.id, new=mine[each.sha256].new)
            elif each.sha256 in known:
                self._count(each, known[each.sha256], new=False)
            elif left is not None:
                self.done.refused.append(_no_room(each, left))

    def _count(self, arrival: Arrival, asset: str, *, new: bool) -> None:
        self.done.bytes += len(arrival.data)
        first = asset not in self.seen
        if first:
            self.seen.add(asset)
            self.done.assets.append(asset)
        if new and first:
            self.done.new += 1
        else:
            self.done.known += 1


def _fitting(room: Room, looked: Sequence[Looked]) -> tuple[Sequence[Looked], Room | None]:
    """Return the files that fit, in their order, and what room there is then if not all do."""
    size = 0
    for place, each in enumerate(looked):
        if not room.takes(size + len(each.arrival.data)):
            return looked[:place], replace(room, used=room.used + size)
        size += len(each.arrival.data)
    return looked, None


def _no_room(arrival: Arrival, room: Room) -> Refused:
    """Refuse a file of the group in which the room ended; the groups behind it are not read."""
    words = f"{room.words()} What came before it is there; what comes after it was not read."
    return Refused(arrival.name, words, f"{len(arrival.data):,} bytes", room.allowed())


def check_sources(studio: Studio, owner: str, sources: Sequence[str]) -> None:
    """Refuse what can be seen to be wrong before anything is fetched; for sources from outside.

    Raises:
        InvalidRequest: one is neither an address on the public internet nor a ZIP of the owner's.
        NotFound: the owner has no such asset.
    """
    for source in sources:
        if _KEPT.fullmatch(source):
            _zip_of(studio, owner, source)
            continue
        try:
            check_public(Link.read(source))
        except LinkRefused as refused:
            raise InvalidRequest(
                f"It is not fetched: {refused.reason}.",
                field="sources",
                given=redacted(source),
                allowed="https addresses on the public internet, and uploaded ZIP files (ast_…)",
            ) from None


def _all_items(studio: Studio, owner: str, sources: Iterable[str], fetch: Fetch) -> Iterator[Item]:
    for source in sources:
        if _KEPT.fullmatch(source):
            kept = _zip_of(studio, owner, source)
            yield from items_of_zip(studio.store.get(kept.sha256), kept.name)
        else:
            yield from items(source, Path.cwd(), fetch)


def _zip_of(studio: Studio, owner: str, identifier: str) -> Asset:
    """Return a ZIP that was uploaded."""
    with studio.database.read() as connection:
        found = find_asset(connection, owner, identifier)
    if found.media_type != ZIP:
        raise InvalidRequest(
            "This is in the library already.",
            field="sources",
            given=identifier,
            allowed="an asset that is a ZIP",
        )
    return found


def _within_limits(found: Iterable[Item], done: Imported) -> Iterator[tuple[Found, bytes]]:
    """Yield the files that may come in with their bytes; take the others down."""
    files = size = 0
    for item in found:
        if isinstance(item, PassedOver):
            done.passed_over += 1
            continue
        files += 1
        if files > MOST_FILES:
            allowed = f"{MOST_FILES:,} files in one import"
            done.refused.append(Refused(item.name, "There are too many files.", "more", allowed))
            return
        if isinstance(item, Refused):
            done.refused.append(item)
            continue
        size += item.size
        if size > MOST_BYTES:
            allowed = f"{MOST_BYTES:,} bytes in one import"
            done.refused.append(Refused(item.name, "There is too much of it.", "more", allowed))
            return
        try:
            yield item, item.read()
        except OSError as error:
            why = error.strerror or str(error)
            done.refused.append(Refused(item.name, "The file cannot be read.", why, "a file"))


def _groups(
    files: Iterable[tuple[Found, bytes]],
) -> Iterator[list[tuple[Found, bytes]]]:
    group: list[tuple[Found, bytes]] = []
    size = 0
    for item, data in files:
        if group and (len(group) == _GROUP or size + len(data) > _GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append((item, data))
        size += len(data)
    if group:
        yield group


def _all_looked(
    pool: ThreadPoolExecutor, arrivals: Sequence[Arrival]
) -> Iterator[Looked | PictureRefused]:
    """Look at arrivals, several by one thread: a text takes less time than its hand-over."""
    parts = [arrivals[start : start + _TOGETHER] for start in range(0, len(arrivals), _TOGETHER)]
    for some in pool.map(lambda part: [_looked(each) for each in part], parts):
        yield from some


def _looked(arrival: Arrival) -> Looked | PictureRefused:
    try:
        return look_at(arrival)
    except PictureRefused as error:
        return error


def _refused(name: str, error: PictureRefused) -> Refused:
    return Refused(name, error.message, error.given or "", error.allowed or _KINDS)


def _downloads(studio: Studio) -> Fetch:
    """Return what fetches from the public internet, and from nowhere else."""

    def fetch(address: str, limit: int) -> bytes:
        return studio.loop.run(_fetched(address, limit))

    return fetch


async def _fetched(address: str, limit: int) -> bytes:
    downloader = Downloader("the owner of the address")
    try:
        return await downloader.fetch(address, limit=limit)
    finally:
        await downloader.close()


def write_report(config: Settings, run: str, done: Imported) -> Path:
    """Write what an import came to into a file of its own; return where it is.

    Args:
        run: the flow run or command that asked.
    """
    path = _report(config, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(done.as_dict(), ensure_ascii=False, indent=1)
    path.write_text(text, encoding="utf-8", errors="replace")
    return path


def read_report(config: Settings, run: str) -> dict[str, Any] | None:
    """Return the report of a run; ``None`` where there is none."""
    try:
        found: dict[str, Any] = json.loads(_report(config, run).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def _report(config: Settings, run: str) -> Path:
    name = "".join(it for it in run if it.isascii() and (it.isalnum() or it in "-_")) or "import"
    return config.folder / "reports" / "imports" / f"{name}.json"
