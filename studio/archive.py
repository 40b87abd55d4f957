"""ZIP archives of what was made in one go.

The same files come to the same bytes on every machine and on every day: the blob store then keeps
one archive, and whoever compares two of them compares their pictures.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from studio.errors import InvalidRequest, PictureRefused

MAX_BYTES = 200 * 1024 * 1024
"""Largest archive. It and its files are in memory at the same time; twenty JPEGs have 10 MB."""
MAX_FILES = 64

_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that the format knows (APPNOTE 4.4.6); that of the making would change it."""
_UNIX = 3
"""Made on Unix (APPNOTE 4.4.2.2), wherever it was made; else the rights below mean nothing."""
_RIGHTS = 0o100644
_ENTRY_BYTES = 300
"""More than an entry's two headers come to: 76 bytes and twice its name."""
_LONGEST_NAME = 100
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def pack(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return an archive of files, in their order. They are stored: pictures are compressed already.

    Args:
        files: plain names (letters, digits, ``.``, ``_``, ``-``) with their bytes.

    Raises:
        InvalidRequest: nothing, too many files, too much, or a name that is none.
    """
    _check([name for name, _ in files])
    size = sum(len(data) + _ENTRY_BYTES for _, data in files)
    if size > MAX_BYTES:
        raise InvalidRequest(
            "The files are too large for one ZIP.",
            field="zip",
            given=f"{size} bytes",
            allowed=f"at most {MAX_BYTES} bytes together",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system = _UNIX
            entry.external_attr = _RIGHTS << 16
            archive.writestr(entry, data, zipfile.ZIP_STORED)
    return buffer.getvalue()


def check(data: bytes) -> None:
    """Refuse what is not an archive as ``pack`` makes it; nothing is unpacked.

    Raises:
        PictureRefused: it is broken, too large, or holds names or compression that are not ours.
    """
    if len(data) > MAX_BYTES:
        raise PictureRefused(
            "The archive is too large.",
            given=f"{len(data)} bytes",
            allowed=f"at most {MAX_BYTES} bytes",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
        _check([entry.filename for entry in entries])
        stored = all(
            entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
            for entry in entries
        )
    except (zipfile.BadZipFile, ValueError, InvalidRequest) as error:
        raise PictureRefused(
            "The archive cannot be read.", given=str(error)[:100], allowed="a ZIP of the studio's"
        ) from error
    if not stored:
        raise PictureRefused("The archive is compressed.", given="deflated", allowed="stored")


def _check(names: Sequence[str]) -> None:
    if not 1 <= len(names) <= MAX_FILES or len(set(names)) != len(names):
        raise InvalidRequest(
            "That is no list of files for a ZIP.",
            field="zip",
            given=f"{len(names)} names, {len(set(names))} of them different",
            allowed=f"1 to {MAX_FILES} different names",
        )
    for name in names:
        if not 1 <= len(name) <= _LONGEST_NAME or not _PLAIN.issuperset(name) or name[0] == ".":
            raise InvalidRequest(
                "That is no name of a file in a ZIP.",
                field="zip",
                given=name[:_LONGEST_NAME],
                allowed="letters, digits, '.', '_' and '-', not beginning with '.'",
            )
