"""Where bytes are kept: content-addressed, so that the same bytes are kept once.

Through fsspec: a local folder by default, ``s3://…`` and its like by setting.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import fsspec

from studio import clock
from studio.errors import NotFound, StudioUnavailable
from studio.syncing import SharedSync, can_sync_all, sync_all

Found = TypeVar("Found")

_HASH_LENGTH = 64
_ASIDE = ".gone-"
_HEXADECIMAL = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that is kept.

    Attributes:
        changed_at: when it was stored, the last time that somebody did; or when it was set aside.
        aside: whether it is on its way out: it is still read, and comes back when it is.
    """

    digest: str
    bytes: int
    changed_at: datetime
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Cleared:
    """What came of an attempt to clear a file away.

    Attributes:
        gone: whether nothing is left of it.
        bytes: that were set aside by this attempt.
    """

    gone: bool
    bytes: int


class BlobStore:
    """Immutable files, each named by the SHA-256 of its bytes.

    Args:
        url: an fsspec URL; ``file://`` for a folder of this machine.
        options: what fsspec is told beside it, such as keys.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.url = url
        self._filesystem: Any
        self._root: str
        self._filesystem, self._root = fsspec.core.url_to_fs(url, **(options or {}))
        self._local = Path(self._root) if "file" in self._protocols() else None

    def _protocols(self) -> tuple[str, ...]:
        protocol = self._filesystem.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    @cached_property
    def _disk(self) -> SharedSync:
        return SharedSync(Path(self._root))

    def put(self, data: bytes, *, derived: bool = False) -> str:
        """Keep ``data`` and return its SHA-256 in hexadecimal; it is durable on return.

        Threads that keep files at the same moment share their waits for a local disk.

        Args:
            data: the bytes.
            derived: whether they can be made again from other bytes that are kept. They are then
                never seen half-written, but nobody waits for the disk.

        Raises:
            StudioUnavailable: the storage refused or cannot be reached.
        """
        digest = hashlib.sha256(data).hexdigest()
        try:
            if self._local is not None:
                _write(self._local, digest, data, None if derived else self._disk)
            else:
                # Also where it is there: who tidies up shall see that it is needed again.
                self._filesystem.pipe_file(self._remote(digest), data)
        except OSError as error:
            raise StudioUnavailable(
                f"The studio's storage did not take a file of {len(data)} bytes: {error.strerror}."
            ) from error
        return digest

    def put_all(self, files: Sequence[bytes]) -> list[str]:
        """Keep many files and return their hashes, in their order; all are durable on return.

        On a local disk that costs two waits for it, whatever their number: one for all bytes before
        any file gets its name, one for the names.

        Raises:
            StudioUnavailable: the storage refused; some of the files may be kept.
        """
        if self._local is None or len(files) == 1 or not can_sync_all():
            return [self.put(data) for data in files]
        digests = [hashlib.sha256(data).hexdigest() for data in files]
        try:
            _write_all(self._local, dict(zip(digests, files, strict=True)))
        except OSError as error:
            raise StudioUnavailable(
                f"The studio's storage did not take {len(files)} files: {error.strerror}."
            ) from error
        return digests

    def get(self, digest: str) -> bytes:
        """Return the bytes whose SHA-256 is ``digest``, checked against it.

        Raises:
            NotFound: nothing is kept under that hash.
            StudioUnavailable: the storage cannot be reached, or what it holds was damaged.
        """
        data = self._found(digest, self._whole)
        if hashlib.sha256(data).hexdigest() != digest:
            raise StudioUnavailable(f"The file with the hash {digest} was damaged in storage.")
        return data

    def size(self, digest: str) -> int:
        """Return how many bytes are kept under a hash.

        Raises:
            NotFound: none are.
            StudioUnavailable: the storage cannot be reached.
        """
        return self._found(digest, self._size)

    def read(self, digest: str, start: int, length: int) -> bytes:
        """Return a part of what is kept under a hash, without reading the rest.

        A part cannot be checked against the hash; ``get`` does that with the whole.

        Args:
            start: from which byte on, from 0.
            length: how many bytes; fewer come at the end.

        Raises:
            NotFound: nothing is kept under that hash.
            StudioUnavailable: the storage cannot be reached.
        """
        return self._found(digest, lambda each: self._part(each, start, length))

    def _found(self, digest: str, look: Callable[[str], Found]) -> Found:
        """Look at a file; one that is on its way out comes back."""
        with _telling(digest):
            try:
                return look(digest)
            except FileNotFoundError:
                self.bring_back(digest)
                return look(digest)

    def _whole(self, digest: str) -> bytes:
        if self._local is not None:
            return (self._local / _relative(digest)).read_bytes()
        return bytes(self._filesystem.cat_file(self._remote(digest)))

    def _size(self, digest: str) -> int:
        if self._local is not None:
            return (self._local / _relative(digest)).stat().st_size
        return int(self._filesystem.size(self._remote(digest)))

    def _part(self, digest: str, start: int, length: int) -> bytes:
        if self._local is not None:
            with (self._local / _relative(digest)).open("rb") as file:
                file.seek(start)
                return file.read(length)
        name = self._remote(digest)
        return bytes(self._filesystem.cat_file(name, start=start, end=start + length))

    def has(self, digest: str) -> bool:
        """Whether bytes with that hash are kept."""
        if self._local is not None:
            path = self._local / _relative(digest)
            return path.is_file() or _aside(path).is_file()
        names = (self._remote(digest), self._remote_aside(digest))
        return any(self._filesystem.exists(each) for each in names)

    def list(self) -> Iterator[Blob]:
        """Yield every file that is kept, a folder after the other, also what is on its way out.

        Raises:
            StudioUnavailable: the storage cannot be reached.
        """
        try:
            for first in range(256):
                yield from self._folder(f"{first:02x}")
        except OSError as error:
            raise StudioUnavailable(
                f"The studio's storage did not answer: {error.strerror}."
            ) from error

    def _folder(self, name: str) -> Iterator[Blob]:
        if self._local is not None:
            try:
                entries = list(os.scandir(self._local / name))
            except FileNotFoundError:
                return
            for entry in entries:
                digest = entry.name.removeprefix(_ASIDE)
                if _is_digest(digest):
                    with suppress(FileNotFoundError):  # somebody removes it at this moment
                        status = entry.stat()
                        changed = datetime.fromtimestamp(status.st_mtime, UTC)
                        aside = digest != entry.name
                        yield Blob(digest, status.st_size, changed, aside)
            return
        try:
            found = self._filesystem.ls(f"{self._root}/{name}", detail=True, refresh=True)
        except FileNotFoundError:
            return
        for each in found:
            last = each["name"].rpartition("/")[2]
            digest = last.removeprefix(_ASIDE)
            if _is_digest(digest):
                size = int(each.get("size") or 0)
                yield Blob(digest, size, _changed(each), digest != last)

    def clear(self, digest: str, *, before: datetime) -> Cleared:
        """Set a file aside that nobody stored since a moment, or remove one set aside before it.

        Between the two it is still read and then comes back, so that nothing is lost to a process
        that stores or reads the same bytes meanwhile, or is killed, on whatever storage.

        Raises:
            StudioUnavailable: the storage refused or cannot be reached.
        """
        try:
            if self._local is not None:
                return _clear(self._local / _relative(digest), before)
            return self._clear_remote(digest, before)
        except OSError as error:
            raise StudioUnavailable(
                f"The studio's storage did not remove a file: {error.strerror}."
            ) from error

    def _clear_remote(self, digest: str, before: datetime) -> Cleared:
        files, name, aside = self._filesystem, self._remote(digest), self._remote_aside(digest)
        try:
            status = files.info(name)
        except FileNotFoundError:
            try:
                gone = _changed(files.info(aside)) < before
                if gone:
                    files.rm_file(aside)
            except FileNotFoundError:
                gone = True
            return Cleared(gone, 0)
        if _changed(status) >= before:
            return Cleared(gone=False, bytes=0)
        files.cp_file(name, aside)
        files.rm_file(name)
        return Cleared(gone=False, bytes=int(status.get("size") or 0))

    def bring_back(self, digest: str) -> None:
        """Put a file that was set aside into its place again; nothing happens if none was.

        Raises:
            StudioUnavailable: the storage refused or cannot be reached.
        """
        try:
            if self._local is not None:
                _bring_back(self._local / _relative(digest))
            elif self._filesystem.exists(aside := self._remote_aside(digest)):
                self._filesystem.cp_file(aside, self._remote(digest))
                self._filesystem.rm_file(aside)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StudioUnavailable(
                f"The studio's storage did not answer: {error.strerror}."
            ) from error

    def _remote(self, digest: str) -> str:
        return f"{self._root}/{_relative(digest)}"

    def _remote_aside(self, digest: str) -> str:
        folder, _, name = self._remote(digest).rpartition("/")
        return f"{folder}/{_ASIDE}{name}"


@contextmanager
def _telling(digest: str) -> Iterator[None]:
    """Turn what a filesystem says into our errors."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"No file with the hash {digest} is kept.") from None
    except OSError as error:
        raise StudioUnavailable(
            f"The studio's storage did not answer: {error.strerror}."
        ) from error


def _is_digest(name: str) -> bool:
    return len(name) == _HASH_LENGTH and set(name) <= _HEXADECIMAL


def _changed(status: Mapping[str, Any]) -> datetime:
    """Return when a remote file was stored; now, where the storage does not tell."""
    told = next(
        (
            status[key]
            for key in ("LastModified", "last_modified", "mtime", "created")
            if key in status
        ),
        None,
    )
    if isinstance(told, int | float):
        return datetime.fromtimestamp(told, UTC)
    if isinstance(told, datetime):
        return told if told.tzinfo else told.replace(tzinfo=UTC)
    return clock.now()


def _aside(path: Path) -> Path:
    return path.with_name(f"{_ASIDE}{path.name}")


def _clear(path: Path, before: datetime) -> Cleared:
    """Set a file aside, or remove it from there.

    It is moved first and looked at again: who stores the same bytes meanwhile either renews the
    file before it is moved, which is seen, or finds none and writes a new one.
    """
    aside, moment = _aside(path), before.timestamp()
    try:
        status = path.stat()
    except FileNotFoundError:
        try:
            gone = aside.stat().st_mtime < moment
        except FileNotFoundError:
            return Cleared(gone=True, bytes=0)
        if gone:
            aside.unlink(missing_ok=True)
        return Cleared(gone, 0)
    if status.st_mtime >= moment:
        return Cleared(gone=False, bytes=0)
    try:
        path.rename(aside)
        if aside.stat().st_mtime >= moment:
            aside.replace(path)
            return Cleared(gone=False, bytes=0)
        os.utime(aside)  # from now on it is aside
    except FileNotFoundError:  # somebody brought it back
        return Cleared(gone=False, bytes=0)
    return Cleared(gone=False, bytes=status.st_size)


def _bring_back(path: Path) -> None:
    aside = _aside(path)
    os.utime(aside)  # it is needed: nobody shall set it aside again at once
    aside.replace(path)


def _relative(digest: str) -> str:
    """Spread the files over 256 folders, and let no foreign text become a path."""
    if not _is_digest(digest):
        raise NotFound("That is no hash of a file.", field="sha256", given=digest)
    return f"{digest[:2]}/{digest}"


def _write(root: Path, digest: str, data: bytes, disk: SharedSync | None) -> None:
    """Write beside the place, wait for the disk, then rename: no half file is ever seen.

    Args:
        disk: is waited for; ``None`` where nobody waits.
    """
    folder, path = root / digest[:2], root / _relative(digest)
    if _renewed(path):
        return
    temporary = folder / f".part-{secrets.token_hex(8)}"
    try:
        with _create(temporary) as file:
            file.write(data)
            if disk is not None:
                file.flush()
                disk.wait(partial(os.fsync, file.fileno()))
        temporary.replace(path)
        if disk is not None:
            disk.wait(partial(_sync_folder, folder))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _renewed(path: Path) -> bool:
    """Whether a file is there; who tidies up shall see that it is needed again."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write_all(root: Path, files: Mapping[str, bytes]) -> None:
    """Write all beside their places, wait for the disk, then rename: no half file is ever seen."""
    temporary: dict[Path, Path] = {}
    try:
        for digest, data in files.items():
            path = root / _relative(digest)
            if _renewed(path):
                continue
            temporary[path] = path.with_name(f".part-{secrets.token_hex(8)}")
            with _create(temporary[path], durable=False) as file:
                file.write(data)
        if not temporary:
            return
        sync_all(root)
        for path, part in temporary.items():
            part.replace(path)
        sync_all(root)
    except BaseException:
        for part in temporary.values():
            part.unlink(missing_ok=True)
        raise


def _create(path: Path, *, durable: bool = True) -> BinaryIO:
    """Open a new file for writing; its folder is made when it is the first one in it."""
    try:
        return path.open("xb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        if durable:
            _sync_folder(path.parent.parent)
        return path.open("xb")


def _sync_folder(folder: Path) -> None:
    """Make names in a folder durable; Windows cannot open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
