"""HTTP to a provider: what is sent, what is sent again, and what must never be."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from providers.http import Reply, Transport
from studio.errors import (
    AuthFailed,
    BadResponse,
    InvalidRequest,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from tests.unit.providers.raw_server import Answer, RawServer, closes, resets, says, silent, then
from tests.unit.providers.scripted_net import server_tls
from tests.unit.providers.transport_kit import (
    Clock,
    read,
    read_error,
    run,
    submit,
    transport,
    without_waits,
)

OK = says(body=b'{"id": 1}')


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return without_waits(monkeypatch)


def nowhere() -> str:
    """Where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


_SLOW = 1.0
"""Seconds for what has to take too long."""


LOST: dict[str, Answer] = {
    "closed after the whole request": closes,
    "reset after the whole request": resets,
    "closed within the head": then(b"HTTP/1.1 200 X\r\nContent-"),
    "closed within the body": then(says(body=b"x" * 100)[:-50]),
    "reset within the body": then(says(body=b"x" * 100)[:-50], resets),
    "closed within a chunk": then(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nab"),
    "no HTTP at all": then(b"220 smtp.example ESMTP ready\r\n\r\n"),
    "a status that is none": then(b"HTTP/1.1 banana\r\n\r\n"),
    "lengths that differ": then(
        b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n"
    ),
    "broken packing": says(body=b"no gzip", content_encoding="gzip"),
    "silence": silent(1.5 * _SLOW),
    "silence within the body": then(says(body=b"x" * 100)[:-50], silent(1.5 * _SLOW)),
}


def drips(part: bytes, pause: float) -> Callable[[socket.socket], None]:
    """Send something again and again: each time it comes in time, and it never ends."""

    def act(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(400):
            connection.sendall(part)
            time.sleep(pause)

    return act


LOST["an answer in drips"] = drips(b"1\r\nx\r\n", 0.05)


def time_for(how: str) -> float:
    """Seconds for an answer: few where it never comes, and enough for a busy machine elsewhere."""
    return _SLOW if how.startswith(("silence", "an answer in drips")) else 30


@pytest.mark.parametrize("how", LOST)
def test_an_order_without_a_whole_answer_is_sent_once_and_unknown(how: str, clock: Clock) -> None:
    with RawServer(LOST[how], OK) as server, pytest.raises(OutcomeUnknown) as caught:
        submit(transport(server.url), seconds=time_for(how))
    assert caught.value.bought is None
    assert caught.value.provider == "tests"
    assert len(server.seen) == 1
    assert server.seen[0].body == b'{"prompt":"a fox"}'
    assert clock.waits == []
    assert caught.value.__cause__ is caught.value.__context__ is None  # they hold the request


def test_an_answer_in_drips_does_not_get_more_time_than_the_whole_may_take() -> None:
    begun = time.monotonic()
    with RawServer(LOST["an answer in drips"]) as server:
        with pytest.raises(OutcomeUnknown, match="ReadTimeout"):
            submit(transport(server.url), seconds=_SLOW)
        assert _SLOW <= time.monotonic() - begun < 15


@pytest.mark.parametrize("how", LOST)
def test_a_question_without_a_whole_answer_is_asked_again(how: str, clock: Clock) -> None:
    with RawServer(LOST[how], LOST[how], OK) as server:
        assert read(transport(server.url), seconds=time_for(how)).json() == {"id": 1}
    assert len(server.seen) == 3
    assert len(clock.waits) == 2


def test_a_question_is_not_asked_for_ever(clock: Clock) -> None:
    with RawServer(closes) as server, pytest.raises(ProviderUnavailable) as caught:
        read(transport(server.url))
    assert caught.value.bought is False
    assert len(server.seen) == 4
    assert len(clock.waits) == 3


@pytest.mark.parametrize("ask", [submit, read])
def test_where_nobody_listens_nothing_is_sent(
    ask: Callable[[Transport], Reply], clock: Clock
) -> None:
    paces = itertools.count()

    async def pace() -> None:
        next(paces)

    made = transport(nowhere())
    made.pace = pace
    with pytest.raises(ProviderUnavailable, match="cannot be reached") as caught:
        ask(made)
    assert caught.value.bought is False
    assert next(paces) == 4
    assert_growing(clock.waits)


def test_a_certificate_that_is_not_believed_is_no_unknown_outcome(clock: Clock) -> None:
    """The handshake comes before the request."""
    stranger = server_tls("127.0.0.1")
    with RawServer(OK, tls=stranger) as server, pytest.raises(ProviderUnavailable, match="CERT"):
        submit(transport(server.url.replace("http:", "https:")))
    assert server.seen == []


def assert_growing(waits: list[float]) -> None:
    """Half a second, one, two, each with up to half a second of chance."""
    for wait, least in zip(waits, (0.5, 1, 2), strict=True):
        assert least <= wait <= least + 0.5
    assert len(set(waits)) == 3


@pytest.mark.parametrize("ask", [submit, read])
@pytest.mark.parametrize("status", [429, 503])
def test_what_was_surely_not_begun_is_asked_again_with_growing_waits(
    status: int, ask: Callable[[Transport], Reply], clock: Clock
) -> None:
    with RawServer(says(status), says(status), says(status), OK) as server:
        assert ask(transport(server.url)).ok
    assert len(server.seen) == 4
    assert_growing(clock.waits)


def test_waits_are_not_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    firsts = set()
    for _ in range(5):
        clock = without_waits(monkeypatch)
        with RawServer(says(503), OK) as server:
            submit(transport(server.url))
        firsts.add(clock.waits[0])
    assert len(firsts) == 5


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (503, ProviderUnavailable)])
def test_it_is_not_asked_for_ever(status: int, error: type[ProviderError], clock: Clock) -> None:
    with RawServer(says(status)) as server, pytest.raises(error):
        submit(transport(server.url))
    assert len(server.seen) == 4
    assert len(clock.waits) == 3


def test_a_time_that_was_told_is_kept(clock: Clock) -> None:
    with RawServer(says(429, retry_after="3"), says(503, retry_after="7"), OK) as server:
        submit(transport(server.url))
    assert 3 <= clock.waits[0] <= 3.5
    assert 7 <= clock.waits[1] <= 7.5


def test_a_date_that_was_told_is_kept(clock: Clock) -> None:
    begun = time.monotonic()
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    with RawServer(says(429, retry_after=date), OK) as server:
        submit(transport(server.url))
    # A date has no parts of a second, and what the machine took until it was read is over.
    assert 8 - (time.monotonic() - begun) <= clock.waits[0] <= 9.5


@pytest.mark.parametrize("told", ["nan", "inf", "soon", "", "Mon, 32 Foo 2026"])
def test_a_time_that_is_none_is_not_believed(told: str, clock: Clock) -> None:
    with RawServer(says(429, retry_after=told), OK) as server:
        submit(transport(server.url))
    assert 0.5 <= clock.waits[0] <= 0.75


@pytest.mark.parametrize("told", ["-5", "0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_time_that_is_over_is_now(told: str, clock: Clock) -> None:
    with RawServer(says(429, retry_after=told), OK) as server:
        submit(transport(server.url))
    assert clock.waits == [0]


@pytest.mark.parametrize("told", [float("nan"), float("inf"), -1, "x", None, True])
def test_an_adapter_that_tells_nonsense_does_no_harm(told: object, clock: Clock) -> None:
    def odd(reply: Reply) -> ProviderError | None:
        return None if reply.ok else RateLimited("x", provider="tests", retry_after=told)

    with RawServer(says(429), OK) as server:
        assert submit(transport(server.url, read_error=odd)).ok
    assert 0.5 <= clock.waits[0] <= 0.75


def test_a_long_wait_is_left_to_others_and_told(clock: Clock) -> None:
    with RawServer(says(429, retry_after="60"), OK) as server, pytest.raises(RateLimited) as caught:
        submit(transport(server.url))
    assert caught.value.details["retry_after"] == 60
    assert len(server.seen) == 1
    assert clock.waits == []


def test_waits_are_bounded_in_all(clock: Clock) -> None:
    with RawServer(says(429, retry_after="9")) as server, pytest.raises(RateLimited):
        submit(transport(server.url))
    assert len(server.seen) == 3
    assert sum(clock.waits) <= 20


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ProviderRejected),
        (500, OutcomeUnknown),
        (502, ProviderUnavailable),
        (418, BadResponse),  # it says "again", but nobody knows whether it was bought
    ],
)
@pytest.mark.parametrize("ask", [submit, read])
def test_anything_else_is_not_asked_again(
    ask: Callable[[Transport], Reply], status: int, error: type[ProviderError], clock: Clock
) -> None:
    with RawServer(says(status), OK) as server, pytest.raises(error):
        ask(transport(server.url))
    assert len(server.seen) == 1
    assert clock.waits == []


def test_a_limit_that_will_not_pass_is_not_asked_again(clock: Clock) -> None:
    def spent(reply: Reply) -> ProviderError | None:
        return None if reply.ok else RateLimited("for today", provider="tests", again=False)

    with RawServer(says(429), OK) as server, pytest.raises(RateLimited):
        submit(transport(server.url, read_error=spent))
    assert len(server.seen) == 1
    assert clock.waits == []


def test_the_second_try_may_be_the_unknown_one(clock: Clock) -> None:
    with RawServer(says(503), closes, OK) as server, pytest.raises(OutcomeUnknown):
        submit(transport(server.url))
    assert len(server.seen) == 2


def test_each_try_sends_the_whole_body(clock: Clock) -> None:
    parts = {"image": ("a.png", b"\x89PNG" * 50_000, "image/png")}
    with RawServer(says(503), says(429), OK) as server:
        submit(transport(server.url), json=None, files=parts, data={"prompt": "a fox"})
    assert len({each.body for each in server.seen}) == 1
    assert len(server.seen[0].body) > 200_000


def test_pace_is_awaited_before_each_try(clock: Clock) -> None:
    with RawServer(says(503), says(429), OK) as server:
        seen: list[int] = []

        async def pace() -> None:
            seen.append(len(server.seen))

        made = transport(server.url)
        made.pace = pace
        submit(made)
        assert seen == [0, 1, 2]


def test_what_the_pace_refuses_is_not_sent() -> None:
    async def pace() -> None:
        raise RateLimited("no room", provider="tests", retry_after=900)

    with RawServer(OK) as server:
        made = transport(server.url)
        made.pace = pace
        with pytest.raises(RateLimited):
            submit(made)
        assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("read_it", [read_error, lambda _: None])
def test_nobody_is_followed_elsewhere(
    status: int, read_it: Callable[[Reply], ProviderError | None]
) -> None:
    with RawServer(OK) as other, RawServer(says(status, location=other.url)) as server:
        made = transport(server.url, read_error=read_it)
        with pytest.raises(ProviderError) as order:
            submit(made)
        with pytest.raises(ProviderError) as question:
            read(made)
        assert other.connections == 0
        assert len(server.seen) == 2
    # Only 307 and 308 say that nothing was done.
    assert order.value.bought is (None if status < 307 else False)
    assert question.value.bought is False
    assert order.value.details["status"] == status


def test_the_error_names_the_request() -> None:
    answer = says(400, x_request_id="req-7")
    with RawServer(answer) as server, pytest.raises(ProviderRejected) as caught:
        submit(transport(server.url))
    assert caught.value.details == {"provider": "tests", "status": 400, "request_id": "req-7"}


def test_headers_of_a_call_replace_the_usual_ones() -> None:
    with RawServer(OK) as server:
        made = transport(server.url, headers={"Accept": "application/json", "X-Of": "all"})
        submit(made, headers={"accept": "image/*"})
    assert server.seen[0].header("accept") == ["image/*"]
    assert server.seen[0].header("x-of") == ["all"]
    assert server.seen[0].header("host") == [server.url.removeprefix("http://")]
    assert server.seen[0].header("accept-encoding") == ["gzip"]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/a\x00b", {}),
        ("/work", {"json": object()}),
        ("/work", {"headers": {"x": "sch\u00f6n\ud800"}}),
    ],
)
def test_what_cannot_be_put_together_was_surely_not_sent(
    path: str, options: dict[str, object]
) -> None:
    with RawServer(OK) as server:
        with pytest.raises(ProviderRejected, match="Nothing was sent") as caught:
            run(transport(server.url), lambda it: it.submit(path, seconds=5, **options))  # type: ignore[arg-type]
        assert server.connections == 0
    assert caught.value.bought is False


@pytest.mark.parametrize("key", ["Bearer abc\n", "Bearer ", "Bearer a\u2019b", " x", "a\x00b"])
def test_a_key_that_cannot_be_sent_is_not_told_either(key: str) -> None:
    from pydantic import SecretStr

    with RawServer(OK) as server:
        with pytest.raises(AuthFailed) as caught:
            submit(transport(server.url, headers={"Authorization": SecretStr(key)}))
        assert server.connections == 0
    assert caught.value.bought is False
    assert key.rsplit(maxsplit=1)[-1] not in str(caught.value).split()


@pytest.mark.parametrize(
    "url", ["", "api.example", "ftp://api.example", "https://", "https://me:pass@api.example",
            "https://api.example?key=pass", "https://[::1"]
)  # fmt: skip
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        transport(url)
    assert caught.value.field == "tests_url"
    assert "http" in (caught.value.allowed or "")
    assert "pass@" not in str(caught.value)
    assert "=pass" not in str(caught.value)


def test_a_full_house_says_so(clock: Clock) -> None:
    import asyncio

    from providers import http

    refused = threading.Event()

    async def both(made: Transport) -> None:
        first = asyncio.create_task(made.submit("/a", seconds=60))
        await asyncio.sleep(0.1)
        with pytest.raises(ProviderUnavailable, match="all 1 connections are in use"):
            await made.submit("/b", seconds=5)
        refused.set()
        await first

    def slowly(connection: socket.socket) -> None:
        refused.wait(60)
        connection.sendall(OK)

    with RawServer(slowly) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "CONNECT_SECONDS", 0.5)
        run(transport(server.url, width=1), both)
        assert len(server.seen) == 1
