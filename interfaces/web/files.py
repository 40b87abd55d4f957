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
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from engine.exporting import FOLDER, ZIP
from engine.file_links import What, check_link, link_days
from engine.outputs import thumbnail
from engine.studio import Studio
from engine.uses import note_uses
from interfaces.web import board_pages as pages
from interfaces.web.boards import board_routes
from library import Use
from library.assets import row_by_link
from library.usage import Kind
from studio.errors import NotFound, StudioError, StudioUnavailable
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
_TITLES = {
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.UNAUTHORIZED: "This link is over",
}
_SHOWN = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


def application(studio: Studio) -> Starlette:
    """Return the pages as an ASGI application."""
    prefix = urlsplit(studio.settings.files_url).path.rstrip("/")

    def check(request: Request, what: What, identifier: str) -> None:
        query = request.query_params
        check_link(
            studio.settings, what, identifier, query.get("expires", ""), query.get("signature", "")
        )

    async def file(request: Request) -> Response:
        asset = request.path_params["asset"]
        check(request, "assets", asset)
        taken = "download" in request.query_params
        answer = await asyncio.to_thread(_answer, studio, asset, "sha256", taken=taken)
        if request.method == "HEAD":
            answer.background = None  # nothing was delivered
        return answer

    async def small(request: Request) -> Response:
        asset = request.path_params["asset"]
        check(request, "assets", asset)
        return await asyncio.to_thread(_answer, studio, asset, "thumbnail")

    async def export(request: Request) -> Response:
        # A run's id is as hard to guess as an asset's; the converter lets nothing else through.
        run = str(request.path_params["run"])
        check(request, "exports", run)
        return _export(studio.settings.folder / FOLDER / run / ZIP)

    async def start(_request: Request) -> Response:
        # Where others come, they are not told where Prefect is.
        forms = "" if link_days(studio.settings) else studio.settings.prefect_pages
        return pages.page("start.html", prefix, title="Image Studio: files", forms=forms)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def told(request: Request, error: Exception) -> Response:
        if not isinstance(error, StudioError):
            error = NotFound(
                "There is nothing at this address.", field="path", given=request.url.path
            )
        return _told(request, error, prefix)

    return Starlette(
        routes=[
            *board_routes(studio),
            Route("/", start),
            Route("/health", health),
            Route("/assets/{asset}", file),
            Route("/assets/{asset}/thumbnail", small),
            Route("/exports/{run:uuid}", export),
        ],
        exception_handlers={StudioError: told, HTTPStatus.NOT_FOUND: told},
    )


def _told(request: Request, error: StudioError, prefix: str) -> Response:
    """Say what went wrong: in a page to a person's browser, as JSON to a program."""
    status = status_of(error)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse(error.as_dict(), status_code=status)
    return pages.notice(
        prefix, status, _TITLES.get(status, "Please try again later"), error.message
    )


def _export(path: Path) -> Response:
    """Hand an export over in pieces: it may be larger than the memory.

    What is in it was counted as downloaded when it was written (``tasks.selections``).
    """
    if not path.is_file():
        raise NotFound(
            "There is no such export, or not any more.",
            field="run",
            given=path.parent.name,
            allowed="that of an export as a ZIP on this machine, until its time is over",
        )
    headers = {**_HEADERS, "Cache-Control": "private, no-store"}
    return FileResponse(path, headers=headers, media_type="application/zip", filename=ZIP)


def _answer(studio: Studio, asset: str, which: str, *, taken: bool = False) -> Response:
    with studio.database.read() as connection:
        row = row_by_link(connection, asset)
    try:
        if which == "thumbnail":
            data = thumbnail(studio.store, row.sha256, row.thumbnail)
        else:
            data = studio.store.get(row.sha256)
    except StudioError as error:
        # The asset is there: that its bytes are not is no fault of who asks.
        raise StudioUnavailable(error.message, field="asset", given=asset) from error
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
