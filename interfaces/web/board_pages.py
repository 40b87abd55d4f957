"""The pages of a board, as HTML that works without any program in the browser.

Every value is escaped by the templates; the pages load nothing but what the board has, and no
address of theirs is told to other sites.
"""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from studio.errors import StudioError, TooManyRequests
from studio.statuses import status_of

_FOLDER = Path(__file__).parent / "pages"

ROBOTS = {"X-Robots-Tag": "noindex, nofollow", "Referrer-Policy": "no-referrer"}
"""Nobody finds a board by a search, and no other site is told its address."""

_HEADERS = {
    **ROBOTS,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_SHEET, _ICON = "board.css", "board.svg"
_TYPES = {_SHEET: "text/css", _ICON: "image/svg+xml"}


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _static(name: str) -> tuple[bytes, str]:
    data = (_FOLDER / name).read_bytes()
    return data, hashlib.sha256(data).hexdigest()[:12]


def _address(prefix: str, name: str) -> str:
    """Return the address of a fixed file; it is another one whenever the file is."""
    return f"{prefix}/boards/{name}?v={_static(name)[1]}"


def style_sheet() -> Response:
    """Return the style sheet."""
    return _fixed(_SHEET)


def icon() -> Response:
    """Return the icon of the pages."""
    return _fixed(_ICON)


def _fixed(name: str) -> Response:
    headers = {
        **ROBOTS,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "max-age=86400",
    }
    return Response(_static(name)[0], media_type=_TYPES[name], headers=headers)


def page(
    template: str, prefix: str, /, *, status: int = HTTPStatus.OK, title: str, **values: Any
) -> HTMLResponse:
    """Return a page.

    Args:
        template: its name.
        prefix: what every address of the pages begins with.
        title: of the page.
        values: what the template needs.
    """
    fixed = {"style": _address(prefix, _SHEET), "icon": _address(prefix, _ICON)}
    text = _templates().get_template(template).render(title=title, **fixed, **values)
    return HTMLResponse(text, status_code=status, headers=_HEADERS)


def closed(prefix: str) -> HTMLResponse:
    """Return what every link that shows nothing leads to: no word tells the reason."""
    return page(
        "closed.html",
        prefix,
        status=HTTPStatus.NOT_FOUND,
        title="There is nothing here",
        words="There is nothing behind this link, or not any more. Ask whoever sent it to you.",
    )


def refused(prefix: str, error: StudioError) -> HTMLResponse:
    """Return the page for what went wrong; it says no more than a guest has to know."""
    status = status_of(error)
    if status == HTTPStatus.NOT_FOUND:
        return closed(prefix)
    if isinstance(error, TooManyRequests):
        answer = notice(prefix, status, "Too many attempts", error.message)
        answer.headers["Retry-After"] = str(error.details.get("retry_after", 60))
        return answer
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        words = "This cannot be shown at the moment. Please try again later."
        return notice(prefix, HTTPStatus.SERVICE_UNAVAILABLE, "Please try again later", words)
    return notice(prefix, status, "That did not work", error.message)


def notice(prefix: str, status: int, title: str, words: str) -> HTMLResponse:
    """Return a page of a few words."""
    return page("closed.html", prefix, status=status, title=title, words=words)
