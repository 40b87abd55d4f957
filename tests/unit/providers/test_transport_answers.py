"""Answers over HTTP: read within limits, and never telling a key."""

from __future__ import annotations

import base64
import gzip
import logging
import os
import tracemalloc
import zlib
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from providers.http import LARGEST_ANSWER, Reply
from studio.errors import BadResponse, OutcomeUnknown, ProviderError, ProviderRejected
from tests.unit.providers.raw_server import Answer, RawServer, says, then
from tests.unit.providers.transport_kit import (
    KEY,
    read,
    submit,
    transport,
    without_waits,
)

BODY = os.urandom(50_000)
LIMIT = len(BODY)


def chunked(body: bytes, **headers: str) -> bytes:
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    start = f"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n{head}\r\n".encode()
    return start + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def packed(body: bytes, encoding: str = "gzip") -> bytes:
    return says(body=gzip.compress(body), content_encoding=encoding)


def test_the_usual_limit_has_room_for_a_picture_in_base64() -> None:
    assert LARGEST_ANSWER == 96 * 1024 * 1024


@pytest.mark.parametrize(
    "answer", [says(body=BODY), chunked(BODY), packed(BODY), packed(BODY, "x-GZIP"),
               then(b"HTTP/1.0 200 X\r\n\r\n" + BODY), says(body=BODY, content_encoding="identity")]
)  # fmt: skip
def test_an_answer_may_be_as_large_as_the_limit_and_not_a_byte_larger(answer: Answer) -> None:
    # What random bytes are packed into is some bytes longer than they are.
    room = 100 if isinstance(answer, bytes) and b"zip" in answer.lower()[:100] else 0
    with RawServer(answer) as server:
        assert submit(transport(server.url, largest=LIMIT + room)).body == BODY
        with pytest.raises(BadResponse, match="too many bytes") as caught:
            submit(transport(server.url, largest=LIMIT - 1))
        assert len(server.seen) == 2
    assert caught.value.bought is None
    assert caught.value.allowed == f"at most {LIMIT - 1} bytes"


def test_an_announced_length_is_enough_to_refuse() -> None:
    announced = then(b"HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n", lambda _: None)
    with RawServer(announced) as server, pytest.raises(BadResponse, match="too many bytes"):
        submit(transport(server.url))


@pytest.mark.parametrize("ask", [submit, read])
def test_a_bomb_does_not_go_off(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without_waits(monkeypatch)
    bomb = packed(bytes(200_000_000))
    assert len(bomb) < 300_000
    with RawServer(bomb) as server:
        made = transport(server.url, largest=1_000_000)
        tracemalloc.start()
        try:
            with pytest.raises(BadResponse, match="too many bytes"):
                ask(made)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert len(server.seen) == 1
    assert peak < 20_000_000


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "zstd", "compress"])
def test_no_other_packing_is_undone(encoding: str) -> None:
    """A bomb within a bomb has a million times its size."""
    twice = gzip.compress(gzip.compress(bytes(100_000_000)))
    answer = says(body=twice, content_encoding=encoding)
    with RawServer(answer) as server, pytest.raises(BadResponse) as caught:
        submit(transport(server.url))
    assert caught.value.given == encoding
    assert caught.value.allowed == "gzip"
    assert caught.value.bought is None


@pytest.mark.parametrize(
    "body",
    [gzip.compress(BODY)[:-9], gzip.compress(BODY)[: LIMIT // 2], zlib.compress(BODY),
     gzip.compress(BODY) + b"more", gzip.compress(BODY)[:-8] + bytes(8)],
)  # fmt: skip
def test_what_was_packed_badly_leaves_an_order_unknown(body: bytes) -> None:
    answer = says(body=body, content_encoding="gzip")
    with RawServer(answer) as server, pytest.raises(OutcomeUnknown, match="DecodingError"):
        submit(transport(server.url))
    assert len(server.seen) == 1


def test_nothing_needs_no_unpacking() -> None:
    with RawServer(says(204, b"", content_encoding="gzip")) as server:
        assert submit(transport(server.url)).body == b""


SPELLED = {
    "plain": KEY,
    "whole": f"Bearer {KEY}",
    "in capitals": KEY.upper(),
    "in %": quote(KEY, safe=""),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "base64 of the header": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "base64 with a user": base64.b64encode(f"me:{KEY}".encode()).decode(),
    "base64 between": base64.b64encode(f"user={KEY}&more=1".encode()).decode(),
    "cut off": KEY[:20] + "...",
}


@pytest.mark.parametrize("how", SPELLED)
@pytest.mark.parametrize("status", [400, 429, 500, 302])
def test_a_key_that_the_provider_repeats_is_told_nowhere(
    how: str, status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    without_waits(monkeypatch)
    caplog.set_level(logging.DEBUG, "httpx")

    def repeats(reply: Reply) -> ProviderError | None:
        words = reply.text()
        return ProviderRejected(
            f"It says: {words}",
            provider="tests",
            field="prompt",
            given=words,
            allowed=words,
            says=words,
            inner=[{"deep": (words, 1)}],
        )

    answer = says(status, f"bad key: {SPELLED[how]}.".encode(), x_request_id=SPELLED[how][:60])
    with RawServer(answer) as server, pytest.raises(ProviderError) as caught:
        submit(transport(server.url, read_error=repeats))
    error = caught.value
    told = f"{error} {error!r} {error.args} {error.as_dict()} {caplog.text}"
    for secret in (KEY[:14], SPELLED[how][4:30], quote(KEY, safe="")[:14]):
        assert secret.lower() not in told.lower()
    if status != 302:  # those words are the transport's own
        assert error.message.startswith("It says: bad key: ")
        assert error.details["inner"][0]["deep"][1] == 1
    assert error.__cause__ is error.__context__ is None


def test_what_cannot_be_reached_tells_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waits(monkeypatch)

    async def refuse(*_: object, **__: object) -> None:
        raise httpx.ConnectError(f"no way with {KEY}")

    monkeypatch.setattr("httpx.AsyncClient.send", refuse)
    with pytest.raises(ProviderError) as caught:
        submit(transport("http://127.0.0.1:1"))
    assert str(caught.value) == "tests cannot be reached: no way with [key]."


def test_libraries_log_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(says(200, b"{}")) as server:
        made = transport(server.url)
        submit(made)
        read(made)
        assert KEY in server.seen[0].head
    assert "POST" in caplog.text
    assert KEY not in caplog.text
    assert KEY not in repr(vars(made))


def reply(body: bytes = b"", **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply("tests", 200, httpx.Headers(names), body)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_said_without_its_content(body: bytes) -> None:
    with pytest.raises(BadResponse, match="no JSON") as caught:
        reply(body, x_request_id="r1").json()
    assert caught.value.details["request_id"] == "r1"
    assert caught.value.__cause__ is None


def test_what_headers_say_is_read_with_care() -> None:
    assert reply(content_type="Image/PNG; charset=x").media_type == "image/png"
    assert reply().media_type == ""
    assert reply(x_request_id="x" * 999).request_id == "x" * 200
    assert reply(retry_after="1e9").retry_after == 86_400
    assert reply(retry_after="1.5").retry_after == 1.5
    assert reply().retry_after is None
    assert len(reply(b"\xff" * 9_999).text()) == 2_000
