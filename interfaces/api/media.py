"""The files behind signed links: whole or in part, and never taken for a page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from engine.outputs import thumbnail
from engine.uses import note_uses
from interfaces.api.identity import StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.links import LASTS, Links
from interfaces.api.schema import refuses
from interfaces.ranges import Sent, answer, pieces
from library import Use
from library.assets import row_by_link

router = APIRouter(route_class=KeyFirst, tags=["media"], prefix="/media")

_SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "audio/wav", "audio/mpeg"}
)
"""What a browser may show by itself; all else is saved, so that no file becomes a page."""

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
    download: Annotated[bool, Query(description="Save it instead of showing it.")] = False,
) -> Response:
    """Fetch the file of a link that `GET /assets/{asset}` gave. No key is needed.

    A file is counted as viewed or downloaded when its last byte was handed over.
    """
    Links.of(studio.settings).check(asset, part, expires, signature)
    with studio.database.read() as connection:
        row = row_by_link(connection, asset)
    if part == "thumbnail":
        data = thumbnail(studio.store, row.sha256, row.thumbnail)
        return Response(data, headers=_headers(f"{row.sha256}-t", "thumbnail", _small_type(data)))
    headers = _headers(row.sha256, row.name, row.media_type, taken=download)
    shown = headers["Content-Disposition"].startswith("inline")
    use = Use(row.owner, row.id, "view" if shown else "download")
    return answer(
        request,
        Sent(
            size=studio.store.size(row.sha256),
            etag=row.sha256,
            headers=headers,
            pieces=pieces(studio.store, row.sha256),
            delivered=lambda: note_uses(studio, [use]),
        ),
    )


def _headers(etag: str, name: str, media_type: str, *, taken: bool = False) -> dict[str, str]:
    shown = media_type in _SHOWN and not taken
    # Only characters that need no quoting: a name may have come from anywhere.
    plain = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "._-")) or "file"
    return {
        "Content-Type": media_type if media_type in _SHOWN else "application/octet-stream",
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
