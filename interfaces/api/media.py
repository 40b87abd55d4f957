"""The files behind signed links: whole or in part, and never taken for a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy import select
from starlette.responses import Response, StreamingResponse

from engine.outputs import thumbnail
from engine.studio import Studio
from interfaces.api.identity import StudioHere
from interfaces.api.links import LASTS, Links
from interfaces.api.schema import refuses
from library.tables import assets
from studio.errors import NotFound

router = APIRouter(tags=["media"], prefix="/media")

_PIECE = 1 << 18
"""Bytes of a file that are in memory for one answer."""
_SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "audio/wav", "audio/mpeg"}
)
"""What a browser may show by itself; all else is saved, so that no file becomes a page."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)

_FILE: dict[str, Any] = {
    "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", **_FILE},
    206: {"description": "The part that `Range` asks for.", **_FILE},
    304: {"description": "It is what `If-None-Match` names."},
    416: {"description": "The file has no such part."},
    **refuses(401, 404, key=False),
}


@router.api_route(
    "/{asset}/{part}",
    methods=["GET"],
    operation_id="get_media",
    summary="Fetch a file",
    response_class=Response,
    responses=_ANSWERS,
)
@router.api_route("/{asset}/{part}", methods=["HEAD"], include_in_schema=False)
def media(
    request: Request,
    studio: StudioHere,
    *,
    asset: Annotated[str, Path(max_length=80)],
    part: Literal["file", "thumbnail"],
    expires: Annotated[int, Query(ge=0, le=1 << 40)],
    signature: Annotated[str, Query(max_length=100)],
) -> Response:
    """Fetch the file of a link that `GET /assets/{asset}` gave. No key is needed."""
    Links.of(studio.settings).check(asset, part, expires, signature)
    with studio.database.read() as connection:
        row = connection.execute(select(assets).where(assets.c.id == asset)).first()
    if row is None:
        raise NotFound("There is no such asset.", field="asset", given=asset)
    if part == "thumbnail":
        data = thumbnail(studio.store, row.sha256, row.thumbnail)
        return Response(data, headers=_headers(f"{row.sha256}-t", "thumbnail", _small_type(data)))
    return _file(request, studio, row)


def _file(request: Request, studio: Studio, row: Any) -> Response:
    headers = _headers(row.sha256, row.name, row.media_type)
    if row.sha256 in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    size = studio.store.size(row.sha256)
    start, end = 0, size - 1
    status = HTTPStatus.OK
    wanted = _part(request, row.sha256, size)
    if wanted is not None:
        start, end = wanted
        if start > end or start >= size:
            headers["Content-Range"] = f"bytes */{size}"
            return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    headers["Content-Length"] = str(end - start + 1)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    pieces = _pieces(studio, row.sha256, start, end + 1)
    return StreamingResponse(pieces, status_code=status, headers=headers)


def _part(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte that are asked for; ``None`` for the whole (RFC 9110, 14)."""
    match = _RANGE.fullmatch(request.headers.get("range", "").strip())
    unless = request.headers.get("if-range", "")
    if match is None or (unless and etag not in unless):
        return None
    first, last = match[1], match[2]
    if not first and not last:
        return None
    if not first:
        return max(0, size - int(last)) if int(last) else size, size - 1
    if last and int(last) < int(first):
        return None  # no range at all, so that it is not heeded
    return int(first), min(int(last), size - 1) if last else size - 1


def _pieces(studio: Studio, digest: str, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        piece = studio.store.read(digest, start, min(_PIECE, end - start))
        if not piece:
            return
        yield piece
        start += len(piece)


def _headers(etag: str, name: str, media_type: str) -> dict[str, str]:
    shown = media_type in _SHOWN
    # Only characters that need no quoting: a name may have come from anywhere.
    plain = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "._-")) or "file"
    return {
        "Content-Type": media_type if shown else "application/octet-stream",
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{plain}"',
        "ETag": f'"{etag}"',
        "Accept-Ranges": "bytes",
        # The file under an id never changes; its link ends sooner or later.
        "Cache-Control": f"private, max-age={int(LASTS.total_seconds())}",
    }


def _small_type(data: bytes) -> str:
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    return "image/png" if data.startswith(b"\x89PNG") else "image/webp"
