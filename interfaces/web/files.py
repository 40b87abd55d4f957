"""Serves the library's files, so that links in logs, artifacts and manifests lead to pictures.

An address holds an asset's id, 80 bits of which are random: who has the link may see the file.
The pages are bound to this machine unless the operator puts a proxy before them.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.outputs import thumbnail
from engine.studio import Studio
from library.tables import assets
from studio.errors import NotFound, StudioError

_HEADERS = {
    # Files are what strangers and providers made: a browser shall show them, never run them.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    # The file under an id never changes.
    "Cache-Control": "private, max-age=31536000, immutable",
}
_SHOWN = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


def application(studio: Studio) -> Starlette:
    """Return the pages as an ASGI application."""

    async def file(request: Request) -> Response:
        return await asyncio.to_thread(_answer, studio, request.path_params["asset"], "sha256")

    async def small(request: Request) -> Response:
        return await asyncio.to_thread(_answer, studio, request.path_params["asset"], "thumbnail")

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/assets/{asset}", file),
            Route("/assets/{asset}/thumbnail", small),
        ]
    )


def _answer(studio: Studio, asset: str, which: str) -> Response:
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
    return Response(data, headers=_headers(row, which, data))


def _headers(row: Any, which: str, data: bytes) -> dict[str, str]:
    media_type = row.media_type if which == "sha256" else _thumbnail_type(data)
    shown = media_type in _SHOWN
    # Only characters that need no quoting: a name may have come from anywhere.
    name = "".join(c for c in row.name if c.isascii() and (c.isalnum() or c in "._-"))
    return {
        **_HEADERS,
        "Content-Type": media_type if shown else "application/octet-stream",
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{name}"',
    }


def _thumbnail_type(data: bytes) -> str:
    if data.startswith(b"\xff\xd8"):
        return "image/jpeg"
    return "image/png" if data.startswith(b"\x89PNG") else "image/webp"
