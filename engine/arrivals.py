"""Files from outside on their way into the library: one path, whoever brings them.

A file is looked at, its bytes are kept with a small picture of it, and then it is filed: once for
the same bytes and owner. Bytes come before rows, so that a process that is killed in between leaves
no row without its bytes; what it leaves is bytes that nobody names, which the next try names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from PIL import Image
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from engine import jobs
from library import Asset, Filed, file_imports
from studio import imaging, media
from studio.clock import now
from studio.database import Database
from studio.errors import PictureRefused
from studio.ids import new_id
from studio.operations import InputKind
from studio.storage import BlobStore

BEGINNINGS: Mapping[InputKind, str] = {"picture": "image/", "audio": "audio/"}
"""What the media types of each kind of input begin with."""

_LONGEST_NAME = 200
_FORBIDDEN = str.maketrans("", "", '/\\:*?"<>|')
_EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "model/gltf-binary": ".glb",
    "application/json": ".json",
    "text/plain": ".txt",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file from outside.

    Attributes:
        name: as it is called there; only the last part of a path counts.
        data: its bytes.
        sha256: of them.
        origin: how it came, in words for people.
        facts: what else is known of it, JSON values.
    """

    name: str
    data: bytes
    sha256: str
    origin: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """What an arrival is.

    Attributes:
        media: its kind and measures.
        thumbnail: a small picture of it, or of what stands for it.
        looks: what a picture looks like, as facts of its asset.
    """

    arrival: Arrival
    media: media.Media
    thumbnail: bytes
    looks: Mapping[str, Any] = field(default_factory=dict)


def look_at(arrival: Arrival, kind: InputKind | None = None) -> Looked:
    """Return what an arrival is.

    Args:
        arrival: the file.
        kind: what it has to be; ``None`` for anything that the library keeps.

    Raises:
        PictureRefused: it is of no kind that is wanted, too large, or broken.
    """
    data = arrival.data
    if kind == "picture" or (imaging.sniff(data) or "").startswith("image/"):
        image = imaging.open_picture(data)
        found = media.Media(imaging.sniff(data) or "", image.width, image.height)
        return Looked(arrival, found, imaging.thumbnail(image), looks_of(image, data))
    found = media.look(data, texts=kind is None)
    if kind is not None and not found.media_type.startswith(BEGINNINGS[kind]):
        raise PictureRefused("This is no sound.", given=found.media_type, allowed="a sound")
    if found.media_type == "application/zip":
        raise PictureRefused(
            "A ZIP is not kept as a file.",
            given=arrival.name,
            allowed="the ZIP itself as what is to be imported",
        )
    if found.media_type.startswith("video/"):
        return Looked(arrival, found, imaging.thumbnail(media.face(data, found)))
    return Looked(arrival, found, _card(found.media_type))


def looks_of(image: Image.Image, data: bytes) -> dict[str, Any]:
    """Return what a picture looks like: its perceptual hash, its colours and their profile."""
    seen = imaging.seen(image)
    return jobs.looks_of(seen.phash, seen.colours, imaging.profile_of(data))


@cache
def _card(media_type: str) -> bytes:
    """Return the small picture that stands for all files of a type that shows nothing."""
    return imaging.thumbnail(media.face(b"", media.Media(media_type)))


def file_arrivals(
    database: Database, store: BlobStore, owner: str, looked: Sequence[Looked], run: str = ""
) -> list[Filed]:
    """Keep and file arrivals, in their order; what is there already is answered as it is there.

    Raises:
        StudioUnavailable: storage or database do not answer; nothing was filed.
    """
    if not looked:
        return []
    store.put_all([each.arrival.data for each in looked])
    # All texts have the same one.
    small = {each: store.put(each, derived=True) for each in {it.thumbnail for it in looked}}
    new = [_asset(each, owner, small[each.thumbnail], run) for each in looked]

    def file(connection: Connection) -> list[Filed]:
        return file_imports(connection, owner, new)

    try:
        return database.write(file)
    except IntegrityError:
        # Postgres: another process filed some of these bytes between the look and the insert.
        return database.write(file)


def _asset(looked: Looked, owner: str, thumbnail: str, run: str) -> Asset:
    arrival, found = looked.arrival, looked.media
    return Asset(
        id=new_id("ast"),
        owner=owner,
        name=plain_name(arrival.name, found.media_type),
        sha256=arrival.sha256,
        thumbnail=thumbnail,
        media_type=found.media_type,
        bytes=len(arrival.data),
        width=found.width,
        height=found.height,
        operation="import",
        request={},
        provider="",
        model="",
        method=arrival.origin,
        reason="",
        seed=None,
        credits=0,
        facts={
            **arrival.facts,
            **looked.looks,
            **({"seconds": found.seconds} if found.seconds else {}),
        },
        job=f"import:{owner}:{arrival.sha256}",
        position=0,
        run=run,
        created_at=now(),
    )


def plain_name(name: str, media_type: str) -> str:
    """Return a file name that is one wherever it is written: no folder, nothing that steers.

    A name without an extension gets that of its type.
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(it for it in last if it.isprintable()).translate(_FORBIDDEN)
    kept = kept.encode("utf-8", "ignore").decode().strip(" .")[-_LONGEST_NAME:] or "file"
    return kept if "." in kept else kept + _EXTENSIONS.get(media_type, "")


def face_of(data: bytes) -> Image.Image:
    """Return the picture that stands for a file of any kind that is kept.

    Raises:
        PictureRefused: it cannot be read.
    """
    return media.face(data, media.look(data, texts=True))
