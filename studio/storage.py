"""Where bytes are kept: content-addressed, so that the same bytes are kept once.

Through fsspec: a local folder by default, ``s3://…`` and its like by setting.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import fsspec

from studio.errors import NotFound, StudioUnavailable

_HASH_LENGTH = 64


class BlobStore:
    """Immutable files, each named by the SHA-256 of its bytes.

    Args:
        url: an fsspec URL; ``file://`` for a folder of this machine.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._filesystem: Any
        self._root: str
        self._filesystem, self._root = fsspec.core.url_to_fs(url)
        self._local = Path(self._root) if "file" in self._protocols() else None

    def _protocols(self) -> tuple[str, ...]:
        protocol = self._filesystem.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def put(self, data: bytes) -> str:
        """Keep ``data`` and return its SHA-256 in hexadecimal; it is durable on return.

        Raises:
            StudioUnavailable: the storage refused or cannot be reached.
        """
        digest = hashlib.sha256(data).hexdigest()
        try:
            if self._local is not None:
                _write_durably(self._local / _relative(digest), data)
            elif not self._filesystem.exists(self._remote(digest)):
                self._filesystem.pipe_file(self._remote(digest), data)
        except OSError as error:
            raise StudioUnavailable(
                f"The studio's storage did not take a file of {len(data)} bytes: {error.strerror}."
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes whose SHA-256 is ``digest``, checked against it.

        Raises:
            NotFound: nothing is kept under that hash.
            StudioUnavailable: the storage cannot be reached, or what it holds was damaged.
        """
        try:
            if self._local is not None:
                data = (self._local / _relative(digest)).read_bytes()
            else:
                data = bytes(self._filesystem.cat_file(self._remote(digest)))
        except FileNotFoundError:
            raise NotFound(f"No file with the hash {digest} is kept.") from None
        except OSError as error:
            raise StudioUnavailable(
                f"The studio's storage did not answer: {error.strerror}."
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StudioUnavailable(f"The file with the hash {digest} was damaged in storage.")
        return data

    def has(self, digest: str) -> bool:
        """Whether bytes with that hash are kept."""
        if self._local is not None:
            return (self._local / _relative(digest)).is_file()
        return bool(self._filesystem.exists(self._remote(digest)))

    def _remote(self, digest: str) -> str:
        return f"{self._root}/{_relative(digest)}"


def _relative(digest: str) -> str:
    """Spread the files over 65,536 folders, and let no foreign text become a path."""
    if len(digest) != _HASH_LENGTH or not set(digest) <= set("0123456789abcdef"):
        raise NotFound("That is no hash of a file.", field="sha256", given=digest)
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def _write_durably(path: Path, data: bytes) -> None:
    """Write beside the place, wait for the disk, then rename: no half file is ever seen."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        _sync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; Windows cannot open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
