"""The files of a board: small, large, whole, and all in a ZIP; only what is on it, only as allowed.

What was delivered is counted when its last byte was handed over: for the link, in the library's
usage, and a download in the board's audit list.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Final

from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.board_files import Previews, given_bytes, is_given, zip_pieces
from engine.outputs import thumbnail
from engine.studio import Studio
from engine.uses import note_uses
from interfaces.ranges import Sent, answer, pieces
from interfaces.web.board_pages import ROBOTS
from interfaces.web.board_views import Numbered, items_for, one_of
from library import Asset, Use
from library.board_audit import note
from library.board_guests import Visit, no_board
from library.board_links import count_downloads
from studio.errors import PictureRefused

_log = logging.getLogger(__name__)

_HEADERS = {
    **ROBOTS,
    # Files are what strangers and providers made: a browser shall show them, never run them.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A browser may keep it, and asks each time whether the link still counts.
    "Cache-Control": "private, no-cache",
}
_PLAYED: Final = frozenset({"video/mp4", "audio/wav", "audio/mpeg"})


class Media:
    """Answers requests for the files of a board, out of a visit that was found good."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._previews = Previews(studio.store)

    def thumbnail(self, visit: Visit, request: Request, item: str) -> Response:
        """Return the small picture; it counts for nothing."""
        asset = self._one(visit, item).item.asset
        tag = _tag(item, asset, "thumbnail")
        if _has(request, tag):
            return _unchanged(tag)
        data = thumbnail(self._studio.store, asset.sha256, asset.thumbnail)
        return Response(data, headers=_picture(data, tag))

    def preview(self, visit: Visit, request: Request, item: str) -> Response:
        """Return the large picture; it counts as seen by who it was shared with."""
        asset = self._one(visit, item).item.asset
        tag = _tag(item, asset, "preview")
        if _has(request, tag):
            return _unchanged(tag)
        try:
            data = self._previews.of(asset)
        except PictureRefused:
            data = thumbnail(self._studio.store, asset.sha256, asset.thumbnail)
        answer = Response(data, headers=_picture(data, tag))
        if request.method != "HEAD":
            answer.background = BackgroundTask(self._seen, asset)
        return answer

    def file(self, visit: Visit, request: Request, item: str) -> Response:
        """Return the file: to be saved, if the link lets; or a video or sound, to be played.

        Raises:
            NotFound: the link does not give it.
        """
        found = self._one(visit, item)
        asset, details = found.item.asset, visit.link.details
        if "play" in request.query_params and asset.media_type in _PLAYED:
            if not is_given(asset, details=details):
                raise no_board()
            return self._played(request, item, asset)
        if not visit.link.may_download:
            raise no_board()
        data = given_bytes(self._studio.store, asset, details=details)
        kept = self._studio.store
        between = pieces(kept, asset.sha256) if data is None else _of(data)
        return answer(
            request,
            Sent(
                size=asset.bytes if data is None else len(data),
                etag=_tag(item, asset, "whole" if data is None else "bare"),
                headers=_saved(found.file_name),
                pieces=between,
                delivered=lambda: self._taken(visit, [asset]),
            ),
        )

    def all(self, visit: Visit, request: Request, _: str) -> Response:
        """Return all files that guests may have as a ZIP, which is made while it is sent.

        Raises:
            NotFound: the link does not give them, or there are none.
        """
        details = visit.link.details
        with self._studio.database.read() as connection:
            items = items_for(connection, visit.link)
        given = [it for it in items if is_given(it.item.asset, details=details)]
        if not visit.link.may_download or not given:
            raise no_board()
        headers = _saved("board.zip")
        headers["Content-Type"] = "application/zip"
        if request.method == "HEAD":
            return Response(headers=headers)
        named = [(it.file_name, it.item.asset) for it in given]
        body: Iterator[bytes] = zip_pieces(self._studio.store, named, details=details)
        task = BackgroundTask(self._taken, visit, [it.item.asset for it in given])
        return StreamingResponse(body, headers=headers, background=task)

    def _one(self, visit: Visit, item: str) -> Numbered:
        with self._studio.database.read() as connection:
            return one_of(items_for(connection, visit.link), item)

    def _played(self, request: Request, item: str, asset: Asset) -> Response:
        """Return a video or sound in parts, as players want it; seeing its picture has counted."""
        headers = {
            **_HEADERS,
            "Content-Type": asset.media_type,
            "Content-Disposition": "inline",
        }
        return answer(
            request,
            Sent(
                size=asset.bytes,
                etag=_tag(item, asset, "whole"),
                headers=headers,
                pieces=pieces(self._studio.store, asset.sha256),
                delivered=lambda: None,
            ),
        )

    def _seen(self, asset: Asset) -> None:
        note_uses(self._studio, [Use(asset.owner, asset.id, "share")])

    def _taken(self, visit: Visit, taken: Sequence[Asset]) -> None:
        link, who = visit.link, visit.guest.name
        detail = taken[0].id if len(taken) == 1 else f"{len(taken)} files"

        def work(connection: Connection) -> None:
            note(connection, link.board, "downloaded", who=who, link=link.id, detail=detail)
            count_downloads(connection, link.id, len(taken))

        try:
            self._studio.database.write(work)
        except Exception:  # noqa: BLE001 - that it cannot be counted takes nothing from who has it
            _log.exception("a download of board %s was not counted", link.board)
        note_uses(self._studio, [Use(each.owner, each.id, "download") for each in taken])


def _of(data: bytes) -> Callable[[int, int], Iterator[bytes]]:
    return lambda start, end: iter([data[start:end]])


def _tag(item: str, asset: Asset, part: str) -> str:
    """Return what changes when the bytes do, and does not tell the hash of the owner's file."""
    return hashlib.sha256(f"{item}\n{asset.sha256}\n{part}".encode()).hexdigest()[:32]


def _has(request: Request, tag: str) -> bool:
    return f'"{tag}"' in request.headers.get("if-none-match", "")


def _unchanged(tag: str) -> Response:
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={**_HEADERS, "ETag": f'"{tag}"'})


def _picture(data: bytes, tag: str) -> dict[str, str]:
    kind = "webp"
    if data.startswith(b"\xff\xd8"):
        kind = "jpeg"
    elif data.startswith(b"\x89PNG"):
        kind = "png"
    return {**_HEADERS, "Content-Type": f"image/{kind}", "ETag": f'"{tag}"'}


def _saved(name: str) -> dict[str, str]:
    return {
        **_HEADERS,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }
