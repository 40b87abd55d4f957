"""What guests of a board get of files: small and large pictures, files, all of them as a ZIP.

Unless their link says otherwise, they get the picture and nothing of its metadata.
"""

from __future__ import annotations

import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from engine.arrivals import face_of
from library import Asset
from library.board_items import Item
from studio import imaging
from studio.errors import NotFound, StudioUnavailable
from studio.storage import BlobStore

PREVIEW_SIDE = 1_600
"""Pixels of the longer side of a large picture."""

_PREVIEW_BYTES = 64 * 1024 * 1024
"""Large pictures that are kept in memory, together; those looked at longest ago go."""
_PIECE = 1 << 18
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "model/gltf-binary": ".glb",
    "application/json": ".json",
    "application/zip": ".zip",
    "text/plain": ".txt",
}
_KINDS = {"image": "Picture", "video": "Video", "audio": "Sound", "model": "3D model"}


def is_given(asset: Asset, *, details: bool) -> bool:
    """Whether guests may have a file at all.

    What was brought in from outside and is no picture may hold places and names that nobody can
    take out: only a link with details gives it.
    """
    return details or asset.media_type in _PICTURES or asset.operation != "import"


def given_bytes(store: BlobStore, asset: Asset, *, details: bool) -> bytes | None:
    """Return a file as guests get it; ``None`` where that is the file as it is kept.

    Raises:
        NotFound: they may not have it.
        PictureRefused: its metadata cannot be taken out.
        StudioUnavailable: the storage does not answer.
    """
    if not is_given(asset, details=details):
        raise NotFound("That file is not to be had here.", field="item")
    if details or asset.media_type not in _PICTURES:
        return None
    return imaging.bare(store.get(asset.sha256))


class Previews:
    """Large pictures of assets, made when they are asked for; the last ones are kept in memory.

    Args:
        store: where the files are.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._at_once = threading.BoundedSemaphore(2)

    def of(self, asset: Asset) -> bytes:
        """Return a WebP of at most 1,600 pixels a side, without metadata.

        Raises:
            PictureRefused: the file cannot be read.
            NotFound: it is not kept.
            StudioUnavailable: the storage does not answer.
        """
        found = self._find(asset.sha256)
        if found is not None:
            return found
        with self._at_once:
            found = self._find(asset.sha256)
            if found is None:
                face = face_of(self._store.get(asset.sha256))
                found = imaging.thumbnail(face, PREVIEW_SIDE)
                self._keep(asset.sha256, found)
        return found

    def _find(self, digest: str) -> bytes | None:
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
            return self._kept.get(digest)

    def _keep(self, digest: str, data: bytes) -> None:
        with self._lock:
            self._size += len(data) - len(self._kept.get(digest, b""))
            self._kept[digest] = data
            while self._size > _PREVIEW_BYTES and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._size -= len(gone)


def title_of(item: Item, number: int) -> str:
    """Return what guests read of an item: its owner's title, else its number.

    File names are made of prompts and paths, which are not theirs to read.
    """
    kind = _KINDS.get(item.asset.media_type.partition("/")[0], "File")
    return item.title or f"{kind} {number}"


def name_of(item: Item, number: int) -> str:
    """Return the name of an item's file: letters, digits and hyphens, with the right ending."""
    words = "".join(c.lower() if c.isascii() and c.isalnum() else " " for c in item.title).split()
    stem = "-".join(words)[:60].strip("-") or item.asset.media_type.partition("/")[0]
    return f"{number:03d}-{stem}{_ENDINGS.get(item.asset.media_type, '')}"


def zip_pieces(
    store: BlobStore, items: Sequence[tuple[str, Asset]], *, details: bool
) -> Iterator[bytes]:
    """Yield a ZIP of files as guests get them, piece by piece; of videos a piece is in memory.

    Args:
        store: where the files are.
        items: names and assets, none of them refused by ``is_given``.
        details: as ``given_bytes``.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:  # type: ignore[call-overload]
        for name, asset in items:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            with packed.open(entry, "w") as file:
                for piece in _pieces(store, asset, details=details):
                    file.write(piece)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


def _pieces(store: BlobStore, asset: Asset, *, details: bool) -> Iterator[bytes]:
    data = given_bytes(store, asset, details=details)
    if data is not None:
        yield data
        return
    place = 0
    while place < asset.bytes and (piece := store.read(asset.sha256, place, _PIECE)):
        yield piece
        place += len(piece)
    if place < asset.bytes:
        raise StudioUnavailable(f"The file with the hash {asset.sha256} was cut short in storage.")


class _Sink:
    """What a ZIP is written to: it cannot be gone back in, and is emptied as it fills."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: whoever takes the pieces sends them."""

    def taken(self) -> bytes:
        found, self._pieces = b"".join(self._pieces), []
        return found
