"""What is to be imported, file by file: from a file, a folder, a ZIP, or an address.

Nothing is written under a name that comes from outside, and nothing is followed: no link, no ZIP
within a ZIP. What may not come in is told with its name, what was found, and what is allowed.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlsplit

from studio import imaging, media
from studio.errors import BadResponse, InvalidRequest, OutcomeUnknown

MOST_FILES: Final = 100_000
"""Files of one import, those that are refused among them."""
MOST_BYTES: Final = 100 * 1024**3
"""Bytes of one import."""
LARGEST_FILE: Final = max(
    imaging.MAX_BYTES,
    media.MAX_VIDEO_BYTES,
    media.MAX_AUDIO_BYTES,
    media.MAX_MODEL_BYTES,
)
LARGEST_ZIP: Final = 20 * 1024**3
"""Bytes of a ZIP on disk; one from an address is held in memory, and as large as a file at most."""
DEEPEST: Final = 32
"""Folders within each other."""

_LONGEST_SHOWN = 300
_MOST_TIMES = 200
_WORTH_A_LOOK = 1024 * 1024
"""A file in a ZIP that unpacks to more than that, and to 200 times its size, is taken for a bomb.

Deflate can make a thousand times of nothing; what the library keeps is compressed already.
"""

_NOT_MEANT = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "ehthumbs.db"})
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ALLOWED = "files, folders, ZIP files, and addresses that begin with https://"

_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError),
    *(ValueError, NotImplementedError, RuntimeError),
)
"""What ``zipfile`` raises for archives that are damaged, or made to look so."""

Fetch = Callable[[str, int], bytes]
"""Returns the bytes at an address, so many at most."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that may not come in.

    Attributes:
        name: as it is called where it is.
        reason: what is wrong, in words.
        given: what was found.
        allowed: what may come in.
    """

    name: str
    reason: str
    given: str
    allowed: str


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may come in, as far as can be told without reading it.

    Attributes:
        name: as it is called where it is, with the folders on the way.
        size: bytes, as far as is known.
        origin: how it came, in words for people.
        read: returns its bytes, ``LARGEST_FILE`` at most.
    """

    name: str
    size: int
    origin: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file that nobody means when they name its folder: hidden ones, and what systems leave."""

    name: str


Item = Found | Refused | PassedOver


def items(source: str, folder: Path, fetch: Fetch) -> Iterator[Item]:
    """Yield the files of one source, folders in the order of their names.

    Args:
        source: a file, a folder, a ZIP or an address.
        folder: where relative paths start.
        fetch: fetches what is at an address.

    Raises:
        InvalidRequest: it is nothing of the kind.
    """
    if "://" in source or source.startswith("data:"):
        yield from _from_address(source, fetch)
        return
    path = _path(source, folder)
    if path.is_dir():
        yield from _from_folder(path, path.name, 1)
    elif path.suffix.lower() == ".zip" or _begins_as_zip(path):
        yield from _from_zip_file(path)
    else:
        yield _file(path, path.name)


def items_of_zip(data: bytes, name: str) -> Iterator[Item]:
    """Yield the files of a ZIP that is in memory.

    Args:
        name: what people know it by.
    """
    yield from _from_zip(BytesIO(data), name, "brought in from a ZIP")


def _path(source: str, folder: Path) -> Path:
    try:
        path = folder / Path(source).expanduser()
        if path.exists():
            return path
    except (OSError, ValueError, RuntimeError):
        pass
    raise InvalidRequest(
        "There is no such file or folder.", field="source", given=source, allowed=_ALLOWED
    )


def _begins_as_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _from_folder(folder: Path, shown: str, depth: int) -> Iterator[Item]:
    if depth > DEEPEST:
        yield Refused(shown, "The folders lie too deep.", f"{depth} folders", f"{DEEPEST} folders")
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Refused(shown, "The folder cannot be read.", str(error.strerror), "a folder")
        return
    for entry in entries:
        name = f"{shown}/{entry.name}"
        if _is_not_meant(entry.name):
            yield PassedOver(name)
        elif entry.is_symlink():
            yield Refused(name, "Links are not followed.", "a symbolic link", "a file")
        elif entry.is_dir():
            yield from _from_folder(Path(entry.path), name, depth + 1)
        else:
            yield _file(Path(entry.path), name)


def _is_not_meant(name: str) -> bool:
    return name.startswith(".") or name in _NOT_MEANT


def _file(path: Path, shown: str) -> Item:
    try:
        status = path.stat()
    except OSError as error:
        return Refused(shown, "The file cannot be read.", str(error.strerror), "a file")
    if not stat.S_ISREG(status.st_mode):
        return Refused(shown, "That is no file.", "a pipe or device", "a file")
    refused = _refused_size(shown, status.st_size)
    if refused is None and path.suffix.lower() == ".zip":
        return _within(shown)
    return refused or Found(shown, status.st_size, "brought in from a file", lambda: _read(path))


def _refused_size(shown: str, size: int) -> Refused | None:
    if not size:
        return Refused(shown, "The file is empty.", "0 bytes", "a file with contents")
    if size > LARGEST_FILE:
        return Refused(
            shown, "The file is too large.", f"{size} bytes", f"at most {LARGEST_FILE} bytes"
        )
    return None


def _within(shown: str) -> Refused:
    return Refused(
        shown, "A ZIP within something else is not opened.", "a ZIP", "the ZIP as a source itself"
    )


def _read(path: Path) -> bytes:
    """Read a file that is still one: what was put in its place meanwhile is not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no file any more")
        return _bounded(file, status.st_size)


def _bounded(file: IO[bytes], size: int) -> bytes:
    """Return all that is in a file, whose size is said to be ``size`` bytes."""
    most = min(size, LARGEST_FILE)
    data = file.read(most + 1)
    if len(data) > most:
        raise OSError("it is larger than it was")
    return data


def _from_address(address: str, fetch: Fetch) -> Iterator[Item]:
    name = unquote(urlsplit(address).path).rstrip("/").rpartition("/")[2] or "download"
    shown = _without_secrets(address)
    try:
        data = fetch(address, LARGEST_FILE)
    except (BadResponse, OutcomeUnknown, InvalidRequest) as error:
        reason = f"It cannot be fetched: {error.details.get('reason', error.message)}."
        yield Refused(shown, reason, error.given or shown, error.allowed or _ALLOWED)
        return
    if imaging.sniff(data) == "application/zip":
        yield from _from_zip(BytesIO(data), shown, f"brought in from {shown}")
        return
    refused = _refused_size(shown, len(data))
    yield refused or Found(name, len(data), f"brought in from {shown}", lambda: data)


def _without_secrets(address: str) -> str:
    """Return an address without what may give access: the user, the query and the fragment."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address"
    return f"{parts.scheme}://{host}{port}{parts.path}"[:_LONGEST_SHOWN]


def _from_zip_file(path: Path) -> Iterator[Item]:
    size = path.stat().st_size
    if not path.is_file() or size > LARGEST_ZIP:
        yield Refused(
            path.name, "The ZIP is too large.", f"{size} bytes", f"at most {LARGEST_ZIP} bytes"
        )
        return
    with path.open("rb") as file:
        yield from _from_zip(file, path.name, "brought in from a ZIP")


def _from_zip(file: IO[bytes], shown: str, origin: str) -> Iterator[Item]:
    try:
        archive = zipfile.ZipFile(file)
        entries = archive.infolist()
    except (*_BROKEN, OSError) as error:
        yield Refused(shown, "The ZIP cannot be read.", str(error)[:100], "a whole ZIP")
        return
    if len(entries) > MOST_FILES:
        yield Refused(
            shown, "There are too many files in it.", str(len(entries)), f"at most {MOST_FILES}"
        )
        return
    packed = sum(entry.compress_size for entry in entries)
    if packed > file.seek(0, os.SEEK_END):
        yield Refused(
            shown, "Its files lie over each other.", f"{packed} bytes of files", "a plain ZIP"
        )
        return
    with archive:
        for entry in entries:
            if not entry.is_dir():
                yield _entry(archive, entry, shown, origin)


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shown: str, origin: str) -> Item:
    name = f"{shown}/{entry.filename}"
    parts = entry.filename.replace("\\", "/").split("/")
    refused = _refused_entry(name, entry, parts)
    if refused is None and any(map(_is_not_meant, parts)):
        return PassedOver(name)
    if refused is None and parts[-1].lower().endswith(".zip"):
        refused = _within(name)
    refused = refused or _refused_size(name, entry.file_size)
    return refused or Found(name, entry.file_size, origin, lambda: _unpacked(archive, entry))


def _refused_entry(name: str, entry: zipfile.ZipInfo, parts: list[str]) -> Refused | None:
    """Refuse what would be somewhere else, something else, or far more than it seems."""
    if ".." in parts or not parts[0] or ":" in parts[0] or "\0" in entry.orig_filename:
        return Refused(name, "Its name leads out of the ZIP.", entry.filename, "a plain path")
    if stat.S_ISLNK(entry.external_attr >> 16):
        return Refused(name, "Links are not followed.", "a symbolic link", "a file")
    if entry.flag_bits & _ENCRYPTED:
        return Refused(name, "It is encrypted.", "a password", "a ZIP without a password")
    if entry.compress_type not in _METHODS:
        method = f"method {entry.compress_type}"
        return Refused(name, "It is packed in a way that is not read.", method, "store or deflate")
    if entry.file_size > max(_WORTH_A_LOOK, _MOST_TIMES * entry.compress_size):
        return Refused(
            name,
            "It unpacks to far more than a file of any kind that is kept.",
            f"{entry.compress_size} bytes, {entry.file_size} unpacked",
            f"at most {_MOST_TIMES} times as many",
        )
    return None


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the bytes of an entry, no more than it announces.

    Raises:
        OSError: it is broken.
    """
    try:
        with archive.open(entry) as file:
            return _bounded(file, entry.file_size)
    except _BROKEN as error:
        raise OSError(f"the ZIP is broken here: {str(error)[:100]}") from error
