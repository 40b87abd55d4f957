"""Input pictures: from the name that a request gives to bytes that are checked and kept.

This happens before anything is held, so that a wrong path or a broken file costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

from engine.arrivals import BEGINNINGS, Arrival, Looked, file_arrivals, look_at, looks_of
from engine.jobs import Picture
from engine.storage_quota import room_of
from library import Asset, find_asset, known_bytes
from studio import imaging, media
from studio.database import Database
from studio.errors import InvalidRequest, NotFound, PictureRefused, StudioError
from studio.operations import InputKind, Operation, input_fields, inputs_given
from studio.storage import BlobStore

_MOST_REMEMBERED = 10_000
"""Files whose filing is remembered by this process; a batch may name one file in every row."""

_ALLOWED: Mapping[InputKind, str] = {
    "picture": "the id of a library asset (ast_…) or the path of a PNG, JPEG, WebP or GIF file",
    "audio": "the id of a library asset (ast_…) or the path of a WAV or MP3 file",
}
_WORDS: Mapping[InputKind, str] = {"picture": "picture", "audio": "sound"}


class Inputs:
    """Finds the pictures that requests name.

    Args:
        folder: where relative paths start.
        quota_mb: megabytes that a workspace may keep; 0 sets no limit.
    """

    def __init__(
        self, database: Database, store: BlobStore, folder: Path, quota_mb: int = 0
    ) -> None:
        self._database = database
        self._store = store
        self._folder = folder
        self._quota_mb = quota_mb
        self._imported: dict[tuple[str, str, int, int], Asset] = {}

    def resolve(self, operation: Operation, owner: str) -> tuple[Picture, ...]:
        """Return the input pictures of ``operation``; files from outside are filed on the way.

        Raises:
            InvalidRequest: a name is not right, or what it names is no picture.
            NotFound: there is no such asset or file.
            LimitReached: a file from outside is more than the workspace may still keep.
        """
        return tuple(
            self.find(field, reference, owner, input_fields(type(operation))[field])
            for field, reference in inputs_given(operation).items()
        )

    def problem(
        self, reference: str, owner: str, field: str = "image", kind: InputKind = "picture"
    ) -> str:
        """Say why ``reference`` names no usable file; empty when it does."""
        try:
            self.find(field, reference, owner, kind)
        except StudioError as error:
            return error.message
        return ""

    def find(self, field: str, reference: str, owner: str, kind: InputKind = "picture") -> Picture:
        """Return the file that ``reference`` names in a request's ``field``.

        Raises:
            InvalidRequest: the name is not right, or what it names is no picture.
            NotFound: there is no such asset.
            LimitReached: it comes from outside, and is more than the workspace may still keep.
        """
        if "://" in reference or reference.startswith("data:"):
            raise InvalidRequest(
                "Files are not fetched from addresses.",
                field=field,
                given=reference,
                allowed=_ALLOWED[kind],
            )
        if reference.startswith("ast_"):
            with self._database.read() as connection:
                asset = _named(lambda: find_asset(connection, owner, reference), field)
        else:
            asset = self._import(field, _path(field, self._folder, reference, kind), owner, kind)
        if not asset.media_type.startswith(BEGINNINGS[kind]):
            raise InvalidRequest(
                f"That is no {_WORDS[kind]}.",
                field=field,
                given=f"{reference} ({asset.media_type})",
                allowed=_ALLOWED[kind],
            )
        return Picture(
            field,
            asset.id,
            asset.name,
            asset.sha256,
            asset.width,
            asset.height,
            asset.media_type,
            asset.bytes,
            float(asset.facts.get("seconds", 0)),
        )

    def _import(self, field: str, path: Path, owner: str, kind: InputKind) -> Asset:
        """File a picture or sound from outside, once for the same bytes and owner."""
        state = _state(field, path, kind)
        known = self._imported.get((owner, str(path), *state))
        if known is None:
            known = self._file(field, path, owner, kind)
            if len(self._imported) < _MOST_REMEMBERED:
                self._imported[owner, str(path), *state] = known
        return known

    def _file(self, field: str, path: Path, owner: str, kind: InputKind) -> Asset:
        data = _read(field, path, kind)
        sha256 = hashlib.sha256(data).hexdigest()
        with self._database.read() as connection:
            known = known_bytes(connection, owner, [sha256])
            if known:
                return find_asset(connection, owner, known[sha256])
            room_of(connection, owner, self._quota_mb).check_file(len(data), field)
        try:
            looked = look_at(Arrival(path.name, data, sha256, "brought in from a file"), kind)
        except PictureRefused as error:
            raise PictureRefused(
                f"{path.name}: {error.message}", field=field, given=path, allowed=error.allowed
            ) from error
        return self._filed(looked, owner)

    def keep(
        self,
        name: str,
        data: bytes,
        owner: str,
        *,
        found: media.Media,
        shown: Image.Image,
        method: str = "brought in from a file",
    ) -> Asset:
        """File bytes from outside that were looked at, once for the same bytes and owner.

        Args:
            name: what people know the file by.
            found: what it is.
            shown: a picture of it, for its thumbnail.
            method: how it came in, in words.

        Raises:
            LimitReached: these are new bytes, and more than the workspace may still keep.
        """
        arrival = Arrival(name, data, hashlib.sha256(data).hexdigest(), method)
        with self._database.read() as connection:
            if not known_bytes(connection, owner, [arrival.sha256]):
                room_of(connection, owner, self._quota_mb).check_file(len(data), "file")
        looks = looks_of(shown, data) if found.media_type.startswith("image/") else {}
        return self._filed(Looked(arrival, found, imaging.thumbnail(shown), looks), owner)

    def _filed(self, looked: Looked, owner: str) -> Asset:
        (filed,) = file_arrivals(self._database, self._store, owner, [looked])
        return filed.asset


def _named(find: Callable[[], Asset], field: str) -> Asset:
    """Find an asset; a failure names the field of the request."""
    try:
        return find()
    except NotFound as error:
        raise NotFound(
            error.message, field=field, given=error.given, allowed="an asset of yours"
        ) from None


def _path(field: str, folder: Path, reference: str, kind: InputKind) -> Path:
    """Return the path that a request names.

    Raises:
        InvalidRequest: it begins with the home of a user that there is not.
    """
    try:
        return folder / Path(reference).expanduser()
    except RuntimeError:
        raise InvalidRequest(
            "There is no such file.", field=field, given=reference, allowed=_ALLOWED[kind]
        ) from None


def _state(field: str, path: Path, kind: InputKind) -> tuple[int, int]:
    """Return when the file was last changed and its size: what tells it from another one.

    Raises:
        InvalidRequest: it is not there, or not a file.
        PictureRefused: it is larger than files of its kind may be.
    """
    try:
        status = path.stat()
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        raise InvalidRequest(
            "There is no such file.", field=field, given=path, allowed=_ALLOWED[kind]
        )
    most = imaging.MAX_BYTES if kind == "picture" else media.MAX_AUDIO_BYTES
    if status.st_size > most:
        raise PictureRefused(
            "The file is too large.",
            field=field,
            given=f"{status.st_size} bytes",
            allowed=f"at most {most} bytes",
        )
    return status.st_mtime_ns, status.st_size


def _read(field: str, path: Path, kind: InputKind) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequest(
            f"The file cannot be read: {error.strerror}.",
            field=field,
            given=path,
            allowed=_ALLOWED[kind],
        ) from error
