"""Serves the library's files, so that links in logs, artifacts and manifests lead to pictures.

An address holds an asset's id, 80 bits of which are random: who has the link may see the file.
The pages are bound to this machine; where a proxy brings others to them, links are signed and end
(``engine.file_links``).
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from engine.exporting import FOLDER, ZIP
from engine.file_links import What, check_link
from engine.outputs import thumbnail
from engine.studio import Studio
from engine.uses import note_uses
from interfaces.web.boards import board_routes
from library import Use
from library.tables import assets
from library.usage import Kind
from studio.errors import NotFound, StudioError
from studio.statuses import status_of

_HEADERS = {
    # Files are what strangers and providers made: a browser shall show them, never run them.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    # A link is a key: no other page is told by which one somebody came.
    "Referrer-Policy": "no-referrer",
    # The file under an id never changes.
    "Cache-Control": "private, max-age=31536000, immutable",
}
_SHOWN = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


def application(studio: Studio) -> Starlette:
    """Return the pages as an ASGI application."""

    def refused(request: Request, what: What, identifier: str) -> Response | None:
        """Return the answer to who has no good link; nothing for who has one."""
        query = request.query_params
        try:
            check_link(
                studio.settings,
                what,
                identifier,
                query.get("expires", ""),
                query.get("signature", ""),
            )
        except StudioError as error:
            return JSONResponse(error.as_dict(), status_code=status_of(error))
        return None

    async def file(request: Request) -> Response:
        asset = request.path_params["asset"]
        if (told := refused(request, "assets", asset)) is not None:
            return told
        taken = "download" in request.query_params
        answer = await asyncio.to_thread(_answer, studio, asset, "sha256", taken=taken)
        if request.method == "HEAD":
            answer.background = None  # nothing was delivered
        return answer

    async def small(request: Request) -> Response:
        asset = request.path_params["asset"]
        if (told := refused(request, "assets", asset)) is not None:
            return told
        return await asyncio.to_thread(_answer, studio, asset, "thumbnail")

    async def export(request: Request) -> Response:
        # A run's id is as hard to guess as an asset's; the converter lets nothing else through.
        run = str(request.path_params["run"])
        return refused(request, "exports", run) or _export(
            studio.settings.folder / FOLDER / run / ZIP
        )

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            *board_routes(studio),
            Route("/health", health),
            Route("/assets/{asset}", file),
            Route("/assets/{asset}/thumbnail", small),
            Route("/exports/{run:uuid}", export),
        ]
    )


def _export(path: Path) -> Response:
    """Hand an export over in pieces: it may be larger than the memory."""
    if not path.is_file():
        gone = NotFound(
            "There is no such export.",
            field="run",
            given=path.parent.name,
            allowed="that of an export as a ZIP on this machine, until its time is over",
        )
        return JSONResponse(gone.as_dict(), status_code=HTTPStatus.NOT_FOUND)
    headers = {**_HEADERS, "Cache-Control": "private, no-store"}
    return FileResponse(path, headers=headers, media_type="application/zip", filename=ZIP)


def _answer(studio: Studio, asset: str, which: str, *, taken: bool = False) -> Response:
    with studio.database.read() as connection:
        row = connection.execute(select(assets).where(assets.c.id == asset)).first()
    if row is None:
        missing = NotFound("There is no such asset.", field="asset", given=asset)
        return JSONResponse(missing.as_dict(), status_code=HTTPStatus.NOT_FOUND)
    try:
        if which == "thumbnail":
            data = thumbnail(studio.store, row.sha256, row.thumbnail)
        else:
            data = studio.store.get(row.sha256)
    except StudioError as error:
        return JSONResponse(error.as_dict(), status_code=HTTPStatus.SERVICE_UNAVAILABLE)
    headers = _headers(row, which, data, taken=taken)
    answer = Response(data, headers=headers)
    if which == "sha256":
        kind: Kind = "view" if headers["Content-Disposition"].startswith("inline") else "download"
        # Runs when the last byte was handed over: what was asked for and not delivered is no use.
        answer.background = BackgroundTask(note_uses, studio, [Use(row.owner, row.id, kind)])
    return answer


def _headers(row: Any, which: str, data: bytes, *, taken: bool = False) -> dict[str, str]:
    media_type = row.media_type if which == "sha256" else _thumbnail_type(data)
    shown = media_type in _SHOWN and not taken
    # Only characters that need no quoting: a name may have come from anywhere.
    name = "".join(c for c in row.name if c.isascii() and (c.isalnum() or c in "._-"))
    return {
        **_HEADERS,
        "Content-Type": media_type if media_type in _SHOWN else "application/octet-stream",
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{name}"',
    }


def _thumbnail_type(data: bytes) -> str:
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    return "image/png" if data.startswith(b"\x89PNG") else "image/webp"
