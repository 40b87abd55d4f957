"""A batch as one ZIP: pictures by the names of a pattern, and the manifest that names them.

One picture at a time is in memory. Pictures are stored as they are, compressed already; the
same batch gives the same bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from typing import IO

from batches import ManifestRow, manifest_csv, manifest_jsonl
from engine.studio import Studio

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP can tell; the real ones would make each ZIP differ."""


def write_zip(studio: Studio, rows: Sequence[ManifestRow], file: IO[bytes]) -> int:
    """Write the files of a manifest and the manifest itself; return how many files it has.

    Args:
        studio: whose store has the bytes.
        rows: each with the name that its file shall have.
        file: where to; it need not be seekable.
    """
    written = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:
        for row in rows:
            if row.file:
                packed.writestr(_entry(row.file), studio.store.get(row.sha256))
                written += 1
        for name, data in (
            ("manifest.csv", manifest_csv(rows)),
            ("manifest.jsonl", manifest_jsonl(rows)),
        ):
            packed.writestr(_entry(name), data, zipfile.ZIP_DEFLATED)
    return written


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    return entry
