"""What is around every request: its id, the limit of its body, and headers that browsers heed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.api.problems import unexpected
from studio.ids import new_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BODY_SECONDS = 60.0
"""How long the next piece of a body may take to come."""

_HEADERS = {
    # Nothing here is a page: a browser that is led here shall run and embed nothing.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Envelope:
    """ASGI middleware: gives a request its id, refuses large bodies, sets headers.

    Args:
        app: what answers.
        largest: returns how many bytes a body at a path may have.
    """

    def __init__(self, app: ASGIApp, largest: Callable[[str], int]) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else new_id("req")
        scope["request_id"] = request_id
        # What is found out on the way and told with every answer, refusals too.
        found: dict[str, str] = {}
        scope["headers_told"] = found
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                told = MutableHeaders(scope=message)
                told["X-Request-Id"] = request_id
                for name, value in {**_HEADERS, **found}.items():
                    told.setdefault(name, value)
            await send(message)

        largest = self._largest(scope["path"])
        length = headers.get("content-length", "")
        declared = int(length) if length.isdecimal() and len(length) < 20 else 0  # noqa: PLR2004 - digits of 2**64
        body = _Body(receive, largest, declared)
        # For routes that look at the key first, and would then not read this body at all.
        scope["body_refused"] = body.too_large() if declared > largest else None
        try:
            await self._app(scope, body.receive, answer)
        except Exception as error:
            if begun:
                raise
            await unexpected(request_id, error)(scope, receive, answer)


class _Body:
    """A request's body as it comes: counted, and not waited for without end.

    One that is said to be too large is refused when it is asked for and before any of it is read:
    whoever has no key is told that first.
    """

    def __init__(self, receive: Receive, largest: int, declared: int) -> None:
        self._declared = declared
        self._receive = receive
        self._left = largest
        self._largest = largest
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:
            # What is waited for now is that the client goes away.
            return await self._receive()
        if self._declared > self._largest:
            raise self.too_large()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "the body did not come") from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._left < 0:
                raise self.too_large()
        return message

    def too_large(self) -> HTTPException:
        """Return the refusal of a body that is too large."""
        # The rest is not read, so nothing else can come over this connection.
        return HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"at most {self._largest} bytes",
            headers={"Connection": "close"},
        )
