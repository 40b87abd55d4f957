"""Files that come in over the network: known by their bytes, not by their names, and filed."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from pathlib import PurePosixPath, PureWindowsPath

from PIL import Image

from batches import LARGEST_FILE
from engine.inputs import Inputs
from library import Asset
from studio import imaging, media
from studio.errors import InvalidRequest, PictureRefused

MOST_BYTES = max(imaging.MAX_BYTES, media.MAX_AUDIO_BYTES, LARGEST_FILE)
"""Bytes of the largest file that may come in."""

_LONGEST_NAME = 120
_METHOD = "uploaded"
_BATCHES = {"csv": "text/csv", "jsonl": "application/x-ndjson", "xlsx": ""}
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP = "application/zip"
"""Of a ZIP that is kept to be imported; what is in it comes into the library by that."""

_ALLOWED = (
    f"a PNG, JPEG, WebP or GIF picture of up to {imaging.MAX_BYTES >> 20} MB, a WAV or MP3 file of "
    f"up to {media.MAX_AUDIO_BYTES >> 20} MB, or a batch: CSV, JSONL or XLSX"
)
_AT_ONCE = threading.BoundedSemaphore(4)
"""Files that are held in memory at once."""


def take_in(inputs: Inputs, name: str, data: bytes, owner: str) -> Asset:
    """File what somebody sent, once for the same bytes and owner.

    Args:
        name: as the sender calls it; its folders are dropped.
        data: its bytes, at most ``MOST_BYTES``.

    Raises:
        InvalidRequest: it is empty.
        PictureRefused: it is of no kind that is taken, too large, or broken.
        LimitReached: it is more than the owner's workspace may still keep; nothing of it is kept.
    """
    plain = plain_name(name)
    if not data:
        raise InvalidRequest("The file is empty.", field="file", given=plain, allowed=_ALLOWED)
    with _AT_ONCE:
        kind = _batch_type(plain, data) or _zip_type(plain, data)
        if kind:
            card = Image.new("RGB", (512, 384), "#e8e8e8")
            return inputs.keep(
                plain, data, owner, found=media.Media(kind), shown=card, method=_METHOD
            )
        try:
            found, shown = _look(data)
        except PictureRefused as error:
            raise PictureRefused(
                error.message, field="file", given=error.given or plain, allowed=_ALLOWED
            ) from None
        return inputs.keep(plain, data, owner, found=found, shown=shown, method=_METHOD)


def plain_name(name: str) -> str:
    """Return a file name without folders and characters that mean something somewhere."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    plain = re.sub(r"[^\w.() -]", "_", last).strip(" .")
    return plain[-_LONGEST_NAME:] or "file"


def _look(data: bytes) -> tuple[media.Media, Image.Image]:
    kind = imaging.sniff(data)
    if kind is None or kind.startswith("image/"):
        image = imaging.open_picture(data)
        return media.Media(imaging.sniff(data) or "", image.width, image.height), image
    found = media.look(data)
    if not found.media_type.startswith("audio/"):
        raise PictureRefused("Files of this kind are not taken.", given=found.media_type)
    return found, media.face(data, found)


def _batch_type(name: str, data: bytes) -> str:
    """Return the media type of a batch file; empty for what is none.

    Its name says which kind, and its bytes must not say that it is something else.
    """
    ending = name.rpartition(".")[2].lower()
    if ending not in _BATCHES or len(data) > LARGEST_FILE:
        return ""
    packed = data.startswith(b"PK\x03\x04")
    if ending == "xlsx":
        return _WORKBOOK if packed else ""
    if packed or imaging.sniff(data) is not None:
        return ""
    return _BATCHES[ending]


def _zip_type(name: str, data: bytes) -> str:
    """Return the media type of a ZIP that can be read; empty for what is none."""
    if not name.lower().endswith(".zip") or not data.startswith(b"PK"):
        return ""
    return ZIP if zipfile.is_zipfile(io.BytesIO(data)) else ""
