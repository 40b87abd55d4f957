"""Names of files, made from a pattern such as ``{row}-{operation}-{width}x{height}``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from batches.manifest import ManifestRow
from batches.variables import fill
from studio.errors import InvalidRequest

LONGEST = 120
"""Characters of a name without its extension, and of each folder before it."""

FIELDS = (
    "line", "row", "operation", "output", "provider", "model", "seed", "asset", "width", "height",
    "name",
)  # fmt: skip
"""What a pattern may name; ``name`` is that of the file in the batch's folder."""

_ODD = re.compile(r"[^\w.+-]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_MOST_FOLDERS = 4


def named(rows: Iterable[ManifestRow], pattern: str) -> list[ManifestRow]:
    """Return the manifest with a file name by the pattern for each row that has a file.

    What would not be safe in a name on any system becomes a hyphen; a slash in the pattern itself
    makes folders. Of equal names, upper and lower case alike, the second one gets ``-2``, the third
    ``-3``, in the order of the rows.

    Raises:
        InvalidRequest: the pattern names what there is not, or leads out of its folder.
    """
    check_pattern(pattern)
    taken = {"manifest.csv", "manifest.jsonl"}
    found = []
    for row in rows:
        if not row.file:
            found.append(row)
            continue
        ending = PurePosixPath(row.file).suffix
        stem = _stem(pattern, row)
        name, number = f"{stem}{ending}", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}{ending}"
        taken.add(name.casefold())
        found.append(replace(row, file=name))
    return found


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that cannot be used.

    Raises:
        InvalidRequest: it names what there is not, or leads out of its folder.
    """
    _, used, fault = fill(pattern, dict.fromkeys(FIELDS, "x"))
    parts = pattern.split("/")
    if not fault and not used:
        fault = f"names none of what tells files apart: {', '.join(FIELDS)}"
    if not fault and (len(parts) > _MOST_FOLDERS or any(not it.strip(". ") for it in parts)):
        fault = f"may have {_MOST_FOLDERS - 1} folders at most, each with a name"
    if fault:
        raise InvalidRequest(
            f"The pattern of names cannot be used: {fault}.",
            field="names",
            given=pattern,
            allowed=", ".join(f"{{{name}}}" for name in FIELDS),
        )


def _stem(pattern: str, row: ManifestRow) -> str:
    values = {name: str(getattr(row, name, "") or "") for name in FIELDS}
    values["name"] = PurePosixPath(row.file).stem
    # A slash or a dot in a value is no folder: values are cleaned before they are put in.
    clean = {name: _clean(value) for name, value in values.items()}
    return "/".join(_part(part) for part in fill(pattern, clean)[0].split("/"))


def _clean(text: str) -> str:
    return _ODD.sub("-", text).strip("-")


def _part(text: str) -> str:
    part = _clean(text)[:LONGEST].strip(".") or "file"
    return f"_{part}" if _RESERVED.match(part) else part
