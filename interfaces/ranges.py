"""Files as answers: whole or in part (RFC 9110, 14), and told of when the last byte is gone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from studio.storage import BlobStore

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
PIECE = 1 << 18
"""Bytes of a file that are in memory for one answer."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that is sent.

    Attributes:
        size: in bytes.
        etag: changes when the bytes do.
        headers: beside those of the range.
        pieces: yields the bytes from one place to before another.
        delivered: called when the last byte of the file was handed over.
    """

    size: int
    etag: str
    headers: Mapping[str, str]
    pieces: Callable[[int, int], Iterator[bytes]]
    delivered: Callable[[], None]


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has the file already."""
    return etag in request.headers.get("if-none-match", "")


def answer(request: Request, sent: Sent) -> Response:
    """Return a file, or the part of it that ``Range`` asks for."""
    headers = {**sent.headers, "ETag": f'"{sent.etag}"', "Accept-Ranges": "bytes"}
    if is_known(request, sent.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    start, end = 0, sent.size - 1
    status = HTTPStatus.OK
    wanted = _part(request, sent.etag, sent.size)
    if wanted is not None:
        start, end = wanted
        if start > end or start >= sent.size:
            headers["Content-Range"] = f"bytes */{sent.size}"
            return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {start}-{end}/{sent.size}"
    headers["Content-Length"] = str(end - start + 1)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_told(sent, start, end + 1), status_code=status, headers=headers)


def pieces(store: BlobStore, digest: str) -> Callable[[int, int], Iterator[bytes]]:
    """Return what yields a kept file from one place to before another, a piece at a time."""

    def between(start: int, end: int) -> Iterator[bytes]:
        while start < end:
            piece = store.read(digest, start, min(PIECE, end - start))
            if not piece:
                return
            yield piece
            start += len(piece)

    return between


def _told(sent: Sent, start: int, end: int) -> Iterator[bytes]:
    yield from sent.pieces(start, end)
    # Asked for more, the one who sends has handed over what there was.
    if end == sent.size:
        sent.delivered()


def _part(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte that are asked for; ``None`` for the whole."""
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
