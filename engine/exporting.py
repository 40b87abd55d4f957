"""Exporting: files of the library into a ZIP or a folder, under names that people know.

One file at a time is in memory, however many there are. What is not whole has no name yet: a
process that is killed leaves no ZIP that looks finished.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import IO

from library import Asset
from studio import credits as money
from studio.errors import InvalidRequest, StudioUnavailable
from studio.settings import Settings
from studio.spreadsheets import neutral
from studio.storage import BlobStore

MOST_BYTES = 100 * 1024**3
"""Bytes of one export."""

FOLDER = "exports"
"""The folder of the studio's home in which exports are, each in a folder of its run."""

MANIFEST = "manifest.csv"
ZIP = "assets.zip"

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP can tell; the real ones would make each ZIP differ."""
_ODD = frozenset('/\\:*?"<>|')
_LONGEST = 120
"""Characters of a file's name."""
_SPARE = 256 * 1024**2
"""Bytes that are left free on the disk."""
_HEAD = (
    *("file", "asset", "media_type", "bytes", "width", "height", "sha256", "operation", "provider"),
    *("model", "seed", "credits", "created_at"),
)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to: where it is, how many files, and their bytes."""

    path: Path
    files: int
    bytes: int


def export(
    settings: Settings, store: BlobStore, assets: Sequence[Asset], run: str, *, as_zip: bool
) -> Exported:
    """Write assets and their manifest into ``exports`` in the studio's home.

    Args:
        settings: where the home is.
        store: has the bytes.
        assets: which.
        run: names the folder; what was there of an earlier attempt is replaced.
        as_zip: one ZIP in it, instead of the files themselves.

    Raises:
        InvalidRequest: they are larger than an export or the disk may hold.
        StudioUnavailable: the disk does not take them.
    """
    size = sum(each.bytes for each in assets)
    target = settings.folder / FOLDER / run
    target.parent.mkdir(parents=True, exist_ok=True)
    room = min(MOST_BYTES, shutil.disk_usage(target.parent).free - _SPARE)
    if size > room:
        raise InvalidRequest(
            "The files are more than there is room for.",
            field="most",
            given=f"{size:,} bytes in {len(assets):,} files",
            allowed=f"at most {max(0, room):,} bytes: a narrower selection",
        )
    part = Path(tempfile.mkdtemp(dir=target.parent, prefix=".part-"))
    try:
        named = list(with_names(assets))
        if as_zip:
            with (part / ZIP).open("wb") as file:
                pack(store, named, file, manifest=True)
        else:
            _lay_out(store, named, part)
        part.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        part.replace(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise StudioUnavailable(
            f"The export could not be written to {target}: {error.strerror}."
        ) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Exported(target / ZIP if as_zip else target, len(assets), size)


def remove_old(settings: Settings, before: datetime) -> int:
    """Remove exports that were written before a moment; return how many there were."""
    folder, removed = settings.folder / FOLDER, 0
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.is_dir() and not each.is_symlink() and _changed(each) < before.timestamp():
            shutil.rmtree(each, ignore_errors=True)
            removed += not each.exists()
    return removed


def _changed(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # somebody else removed it
        return float("inf")


def pack(
    store: BlobStore,
    named: Iterable[tuple[str, Asset]],
    file: IO[bytes],
    *,
    manifest: bool = False,
) -> tuple[int, int]:
    """Write files into a ZIP as they are, compressed already; return their number and bytes.

    Args:
        named: each with the name that it gets.
        manifest: whether to write what is known of them into the ZIP as well.
    """
    rows: list[tuple[str, Asset]] = []
    number = size = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:
        for name, asset in named:
            data = store.get(asset.sha256)
            packed.writestr(_entry(name), data)
            number, size = number + 1, size + len(data)
            if manifest:
                rows.append((name, asset))
        if manifest:
            packed.writestr(_entry(MANIFEST), _manifest(rows), zipfile.ZIP_DEFLATED)
    return number, size


def with_names(assets: Iterable[Asset]) -> Iterator[tuple[str, Asset]]:
    """Yield assets with names that no two share, and that leave no folder they are unpacked in."""
    taken: dict[str, int] = {MANIFEST: 1}
    for asset in assets:
        yield _name(asset.name, taken), asset


def _lay_out(store: BlobStore, named: Sequence[tuple[str, Asset]], folder: Path) -> None:
    for name, asset in named:
        (folder / name).write_bytes(store.get(asset.sha256))
    (folder / MANIFEST).write_bytes(_manifest(named))


def _manifest(named: Iterable[tuple[str, Asset]]) -> bytes:
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(_HEAD)
    for name, each in named:
        size = (each.bytes, each.width, each.height, each.sha256)
        by = (each.operation, each.provider, each.model, each.seed, money.show(each.credits))
        row = (name, each.id, each.media_type, *size, *by, each.created_at.isoformat())
        writer.writerow([neutral(cell) for cell in row])
    return text.getvalue().encode()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    return entry


def _name(name: str, taken: dict[str, int]) -> str:
    kept = ("_" if each in _ODD or not each.isprintable() else each for each in name)
    plain = "".join(kept).strip(". ") or "asset"
    if len(plain) > _LONGEST:
        plain = f"{Path(plain).stem[: _LONGEST - 20]}{Path(plain).suffix[:20]}"
    stem, dot, ending = plain.rpartition(".")
    place = taken.get(plain.casefold(), 0)
    taken[plain.casefold()] = place + 1
    if not place:
        return plain
    return _name(f"{stem}-{place + 1}{dot}{ending}" if dot else f"{plain}-{place + 1}", taken)
