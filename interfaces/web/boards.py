"""Boards for guests: who has a link may look, and say and take what the link allows.

A link is opened once for each browser and visit. From then on the browser is known by a cookie that
is sent to this board alone; every form bears a mark that only pages of that visit have.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.boards import Arrived, arrive, come_in, comment, judge, unlock
from engine.studio import Studio
from interfaces.web import board_pages as pages
from interfaces.web.board_media import Media
from interfaces.web.board_views import board_values, item_values
from library.board_guests import Decision, Visit, no_board
from library.board_links import Link
from studio import clock
from studio.errors import (
    BodyTooLarge,
    Conflict,
    DoorRefused,
    InvalidRequest,
    StudioError,
    StudioUnavailable,
)

_log = logging.getLogger(__name__)

COOKIE: Final = "board"
LARGEST_FORM: Final = 32_768
"""Bytes: 2,000 characters may take 12 bytes each."""
_FORM_SECONDS: Final = 30.0
_MOST_FIELDS: Final = 10
_DECISIONS: Final[Mapping[str, Decision | None]] = {
    "approved": "approved",
    "rejected": "rejected",
    "none": None,
}


class _FormRefused(DoorRefused):
    """A form did not come from a page of this visit."""

    code = "form_refused"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a board.

    Attributes:
        token: the link's.
        item: what it is about, as the board knows it; empty for the board itself.
        secret: what the browser is known by; empty for one that is not.
        address: where it comes from.
        opens: whether a link may be opened for it: a program that only looks ahead opens nothing.
        ours: whether, as far as the browser tells, no page of another site has asked.
    """

    token: str
    item: str
    secret: str
    address: str
    opens: bool
    ours: bool
    form: Mapping[str, str] = field(default_factory=dict, repr=False)


Answer = Callable[[Asked], Response]


def board_routes(studio: Studio) -> list[Route]:
    """Return the routes of boards, in the order in which they are to be tried."""
    door = Door(studio)
    media = Media(studio)

    async def style(_: Request) -> Response:
        return pages.style_sheet()

    async def icon(_: Request) -> Response:
        return pages.icon()

    def route(path: str, answer: Answer, method: str = "GET") -> Route:
        return Route(f"/boards/{{token}}{path}", door.endpoint(answer), methods=[method])

    def file(work: Callable[[Visit, Request, str], Response]) -> Callable[..., Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            def answer(asked: Asked) -> Response:
                return work(door.visit(asked), request, asked.item)

            return await door.answer(request, answer)

        return endpoint

    return [
        Route("/boards/board.css", style),
        Route("/boards/board.svg", icon),
        route("", door.show),
        route("", door.open, "POST"),
        Route("/boards/{token}/all.zip", file(media.all)),
        route("/{item}", door.show_item),
        route("/{item}/comment", door.comment, "POST"),
        route("/{item}/decision", door.decide, "POST"),
        Route("/boards/{token}/{item}/thumbnail", file(media.thumbnail)),
        Route("/boards/{token}/{item}/preview", file(media.preview)),
        Route("/boards/{token}/{item}/file", file(media.file)),
    ]


class Door:
    """Lets guests in, and answers with pages."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        address = urlsplit(studio.settings.files_url)
        self._prefix = address.path.rstrip("/")
        self._secure = address.scheme == "https"

    def endpoint(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers a request in a thread."""

        async def endpoint(request: Request) -> Response:
            return await self.answer(request, answer)

        return endpoint

    async def answer(self, request: Request, answer: Answer) -> Response:
        """Answer a request; what goes wrong becomes a page that tells a guest no more."""
        try:
            asked = await self._asked(request)
            return await asyncio.to_thread(answer, asked)
        except StudioError as error:
            if isinstance(error, StudioUnavailable):
                _log.error("a board could not be shown: %s", error)
            return pages.refused(self._prefix, error)

    async def _asked(self, request: Request) -> Asked:
        looks_ahead = "prefetch" in request.headers.get("sec-purpose", "")
        return Asked(
            token=request.path_params["token"],
            item=request.path_params.get("item", ""),
            secret=request.cookies.get(COOKIE, "")[:100],
            address=_address(request),
            opens=request.method != "HEAD" and not looks_ahead,
            ours=request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"},
            form=await _form(request) if request.method == "POST" else {},
        )

    def _arrive(self, asked: Asked) -> Arrived:
        return arrive(self._studio, asked.token, asked.secret, asked.address)

    def visit(self, asked: Asked) -> Visit:
        """Return the visit of who has opened the link.

        Raises:
            NotFound: the link is not open to them.
            TooManyRequests: as ``arrive``.
        """
        arrived = self._arrive(asked)
        if arrived.visit is None:
            raise no_board()
        return arrived.visit

    def show(self, asked: Asked) -> Response:
        """Show the board, opening the link if nothing has to be asked before."""
        arrived = self._arrive(asked)
        if arrived.visit is not None:
            return self._board(asked, arrived.visit)
        if arrived.link.password or arrived.link.asks_first or not asked.opens:
            return self._ask(asked, arrived.link)
        visit, secret = come_in(self._studio, arrived)
        return self._known(asked, self._board(asked, visit), visit.link, secret)

    def open(self, asked: Asked) -> Response:
        """Open the link, with its password if it has one."""
        self._check_ours(asked)
        arrived = self._arrive(asked)
        link = arrived.link
        there = self._to(asked)
        if arrived.visit is not None:
            return there
        password = asked.form.get("password", "")
        if link.password and not unlock(self._studio, link, password, asked.address):
            return self._ask(asked, link, "That is not the password.")
        visit, secret = come_in(self._studio, arrived)
        return self._known(asked, there, visit.link, secret)

    def show_item(self, asked: Asked) -> Response:
        """Show one file, with what was said of it."""
        arrived = self._arrive(asked)
        if arrived.visit is None:
            return self._to(asked)  # the link has to be opened first
        return self._item(asked, arrived.visit)

    def comment(self, asked: Asked) -> Response:
        """Take a comment in."""
        visit = self._sender(asked)
        name, text = asked.form.get("name", ""), asked.form.get("text", "")
        try:
            comment(self._studio, visit, asked.item, name, text)
        except (InvalidRequest, Conflict) as error:
            return self._item(asked, visit, error, name=name, text=text)
        return self._to(asked, f"/{asked.item}#comments")

    def decide(self, asked: Asked) -> Response:
        """Take a decision in, or that it is taken back."""
        visit = self._sender(asked)
        name, word = asked.form.get("name", ""), asked.form.get("decision", "")
        try:
            judge(self._studio, visit, asked.item, name, _decision(word))
        except (InvalidRequest, Conflict) as error:
            return self._item(asked, visit, error, name=name)
        return self._to(asked, f"/{asked.item}")

    def _sender(self, asked: Asked) -> Visit:
        """Return the visit out of which a form was sent.

        Raises:
            NotFound: the link is not open to who sent it.
            _FormRefused: it was made by no page of the visit.
        """
        self._check_ours(asked)
        visit = self.visit(asked)
        sent = asked.form.get("form", "").encode("utf-8", "replace")
        if not hmac.compare_digest(sent, _mark(asked.secret).encode()):
            raise _FormRefused("This form is too old. Go back, load the page again, and retry.")
        return visit

    def _check_ours(self, asked: Asked) -> None:
        if not asked.ours:
            raise _FormRefused("This form came from another site, so that it was not taken.")

    def _ask(self, asked: Asked, link: Link, problem: str = "") -> Response:
        return self._page(
            asked,
            "door.html",
            status=HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK,
            title="A board for you",
            password=bool(link.password),
            problem=problem,
        )

    def _board(self, asked: Asked, visit: Visit) -> Response:
        with self._studio.database.read() as connection:
            values = board_values(connection, visit)
        return self._page(asked, "board.html", title=values["board"].title, **values)

    def _item(
        self, asked: Asked, visit: Visit, error: StudioError | None = None, **given: str
    ) -> Response:
        with self._studio.database.read() as connection:
            values = item_values(connection, visit, asked.item)
        status = HTTPStatus.OK
        if error is not None:
            conflict = isinstance(error, Conflict)
            status = HTTPStatus.CONFLICT if conflict else HTTPStatus.UNPROCESSABLE_ENTITY
        return self._page(
            asked,
            "item.html",
            status=status,
            title=f"{values['it'].title} - {values['board'].title}",
            form=_mark(asked.secret),
            problem=_told(error) if error else "",
            **{"name": visit.guest.name, "text": "", **given},
            **values,
        )

    def _page(self, asked: Asked, template: str, /, **values: Any) -> Response:
        return pages.page(template, self._prefix, base=self._base(asked), **values)

    def _base(self, asked: Asked) -> str:
        return f"{self._prefix}/boards/{asked.token}"

    def _to(self, asked: Asked, place: str = "") -> Response:
        """Lead to a page by GET, so that loading it again sends nothing again."""
        return RedirectResponse(
            self._base(asked) + place,
            status_code=HTTPStatus.SEE_OTHER,
            headers={**pages.ROBOTS, "Cache-Control": "no-store"},
        )

    def _known(self, asked: Asked, answer: Response, link: Link, secret: str) -> Response:
        """Give the browser what it is known by; it is sent to this board alone."""
        answer.set_cookie(
            COOKIE,
            secret,
            max_age=max(0, int((link.expires_at - clock.now()).total_seconds())),
            path=self._base(asked),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
        return answer


def _decision(word: str) -> Decision | None:
    if word not in _DECISIONS:
        raise InvalidRequest(
            "Please approve or reject.", field="decision", allowed=", ".join(_DECISIONS)
        )
    return _DECISIONS[word]


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form, each once.

    Raises:
        InvalidRequest: it is too large, has too many fields, or does not come.
    """
    found = bytearray()
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for piece in request.stream():
                found += piece
                if len(found) > LARGEST_FORM:
                    raise BodyTooLarge("That is too long.", allowed=f"{LARGEST_FORM} bytes")
        pairs = parse_qsl(
            found.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except (TimeoutError, ClientDisconnect, ValueError):
        raise InvalidRequest("The form did not come whole.", field="body") from None
    return dict(pairs)


def _address(request: Request) -> str:
    """Return where a request comes from; of IPv6 the network, in which one has all addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _mark(secret: str) -> str:
    """Return what the forms of a visit bear; who does not know the cookie cannot make it up."""
    return hmac.new(secret.encode(), b"a form of a board", hashlib.sha256).hexdigest()


def _told(error: StudioError) -> str:
    """Return what a guest is told of a refusal."""
    return f"{error.message} ({error.allowed})" if error.allowed else error.message
