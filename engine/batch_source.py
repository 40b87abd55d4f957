"""Where a batch file comes from: a path, an address, or the library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from batches import LARGEST_FILE
from engine.incoming import PREFIX, Folder, find_incoming
from engine.preflight import check_identity
from engine.studio import Studio
from library import find_asset
from providers.download import Downloader
from providers.links import Link
from studio.errors import BadResponse, InvalidRequest, OutcomeUnknown

ALLOWED = "the path of a CSV, JSONL or XLSX file, its https address, or an asset's id (ast_…)"
_SECONDS = 120.0
"""What fetching one file may take, with all its tries."""


@dataclass(frozen=True, slots=True)
class BatchSource:
    """A batch file that was had.

    Attributes:
        data: its bytes, at most as many as a batch file may have.
        name: what people know it by; never with a query, which may hold a signature.
        folder: what relative paths in it start from; ``None`` for a file from elsewhere, which
            may not name the files of this machine.
    """

    data: bytes
    name: str
    folder: Path | None


def is_remote(where: str) -> bool:
    """Whether a file is named by something else than a path."""
    return "://" in where or where.startswith(("ast_", PREFIX))


def shown_name(where: str) -> str:
    """Return the name of a file for people, without a query, which may hold a signature."""
    return Path(where.partition("?")[0]).name if "://" in where else Path(where).name


def open_source(studio: Studio, where: str, owner: str, user: str = "") -> BatchSource:
    """Return the batch file at ``where``.

    Only https addresses on the public internet are fetched, as for the files of providers.
    Whoever wrote such a file may name rows and assets in it, and none of this machine's files.
    So it is with an asset of the library, too, which may have been uploaded.

    Args:
        user: who asks; empty stands for the user of the owner's own name.

    Raises:
        AccountRefused: the user is no member of the workspace.
        InvalidRequest: there is none, or it cannot be read or fetched.
        NotFound: ``owner`` has no such asset.
    """
    check_identity(studio.database, owner, user, "look")
    if "://" in where:
        return BatchSource(_fetch(studio, where), _last_part(where), None)
    if where.startswith("ast_"):
        with studio.database.read() as connection:
            asset = find_asset(connection, owner, where)
        if asset.bytes > LARGEST_FILE:
            raise InvalidRequest(
                "The batch file is too large.",
                field="file",
                given=f"{asset.bytes} bytes",
                allowed=f"at most {LARGEST_FILE} bytes",
            )
        return BatchSource(studio.store.get(asset.sha256), asset.name, None)
    if where.startswith(PREFIX):
        with studio.database.read() as connection:
            taken = find_incoming(connection, owner, where)
        local = Folder(taken.folder).local
        return BatchSource(studio.store.get(taken.sha256), taken.name, local)
    path = Path(where)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InvalidRequest(
                "The batch file is too large.",
                field="file",
                given=f"{path.stat().st_size} bytes",
                allowed=f"at most {LARGEST_FILE} bytes",
            )
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise InvalidRequest(
            f"The batch file cannot be read: {reason}.", field="file", given=where, allowed=ALLOWED
        ) from None
    return BatchSource(data, path.name, path.absolute().parent)


def _last_part(where: str) -> str:
    """Return the file's name in an address that was fetched."""
    link = Link.read(where)
    return link.target.partition("?")[0].rpartition("/")[2] or link.host


def _fetch(studio: Studio, where: str) -> bytes:
    async def fetch() -> bytes:
        downloader = Downloader("the batch file", seconds=_SECONDS)
        try:
            return await downloader.fetch(where, limit=LARGEST_FILE)
        finally:
            await downloader.close()

    try:
        return studio.loop.run(fetch())
    except (BadResponse, OutcomeUnknown) as error:
        # The downloader speaks of pictures that were bought; here nothing was.
        reason = error.message.partition(": ")[2].partition(". Fetching")[0].rstrip(".")
        raise InvalidRequest(
            f"The batch file cannot be fetched: {reason}.",
            field="file",
            given=error.given,
            allowed=error.allowed or ALLOWED,
        ) from None
