"""Downloads: what is rightful is fetched, and tried again after what may pass."""

from __future__ import annotations

import asyncio
import logging

import pytest

from providers.addresses import look_up
from providers.download import Downloader
from providers.links import Link
from studio.errors import SetupIncomplete
from tests.unit.providers.download_net import (
    FILE,
    HOSTS,
    LINK,
    PUBLIC,
    PUBLIC6,
    net,
    refused,
    run,
    unfetched,
)
from tests.unit.providers.scripted_net import CHUNK, CHUNKED, Answer, answer, client_tls, to


def test_a_public_file_is_fetched_from_the_checked_address_under_its_own_name() -> None:
    async def work() -> None:
        async with net() as it:
            assert await it.downloader.fetch(LINK) == FILE
            assert it.wire.opened == [(PUBLIC, 443)]
            assert it.names.asked == [("cdn.example", 443)]
            assert it.cdn.names == ["cdn.example"]
            line, *headers = it.cdn.requests[0].strip().split("\r\n")
            assert line == "GET /results/a.png?X-Signature=SECRET HTTP/1.1"
            assert sorted(headers) == [
                "Accept-Encoding: identity",
                "Accept: */*",
                "Host: cdn.example",
                "User-Agent: image-studio",
            ]

    run(work)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("HTTPS://CDN.EXAMPLE:443/a.png", "GET /a.png HTTP/1.1"),
        ("https://cdn.example", "GET / HTTP/1.1"),
        ("https://cdn.example?a=1", "GET /?a=1 HTTP/1.1"),
        ("https://cdn.example/a%2Fb%20c/../d.png?x=%2B+/&y=@:;,'#part", None),
        ("https://cdn.example/bücher.png", "GET /b%C3%BCcher.png HTTP/1.1"),
        ("https://cdn.example/@127.0.0.1:80/a.png", "GET /@127.0.0.1:80/a.png HTTP/1.1"),
    ],
)
def test_a_signed_link_is_sent_as_it_was_written(url: str, line: str | None) -> None:
    async def work() -> None:
        async with net() as it:
            assert await it.downloader.fetch(url) == FILE
            meant = "GET /a%2Fb%20c/../d.png?x=%2B+/&y=@:;,' HTTP/1.1" if line is None else line
            assert it.cdn.requests[0].split("\r\n")[0] == meant

    run(work)


def test_what_the_operator_configured_is_trusted_also_on_loopback() -> None:
    async def work() -> None:
        async with net() as it:
            assert await it.downloader.fetch(f"{it.base}/files/1?t=SECRET") == FILE
            assert it.wire.opened == [("127.0.0.1", it.trusted.port)]
            assert f"Host: 127.0.0.1:{it.trusted.port}\r\n" in it.trusted.requests[0]
            assert it.names.asked == []

    run(work)


def test_an_origin_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(SetupIncomplete, match=r"origins.*127\.0\.0\.1:8123"):
        Downloader("acme", ("127.0.0.1:8123",))


def test_the_default_resolver_gives_addresses() -> None:
    assert asyncio.run(look_up("127.0.0.1", 443)) == ["127.0.0.1"]


def test_a_host_is_had_at_its_next_address_when_the_first_is_dead() -> None:
    async def work() -> None:
        async with net(names={"cdn.example": [[PUBLIC6, PUBLIC]]}) as it:
            it.wire.refusing = {PUBLIC6}
            assert await it.downloader.fetch(LINK) == FILE
            assert it.wire.opened == [(PUBLIC6, 443), (PUBLIC, 443)]
            assert len(it.names.asked) == 1

    run(work)


def test_a_server_that_cannot_prove_its_name_gets_no_request() -> None:
    async def work() -> None:
        async with net(certificate=("other.example",)) as it:
            await unfetched(it)
            assert it.wire.opened == [(PUBLIC, 443)] * 4
            assert it.cdn.requests == []

    run(work)


def test_a_proven_name_is_the_one_that_was_asked_for() -> None:
    async def work() -> None:
        # Believed authority, right server, other name.
        names = {"other.example": [[PUBLIC]]}
        async with net(names=names) as it:
            await unfetched(it, "https://other.example/a.png")
            assert it.cdn.requests == []

    run(work)


def test_connections_are_bounded() -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(answer(body=FILE))
        await writer.drain()

    async def work() -> None:
        async with net(slow) as it:
            fetched = await asyncio.gather(*(it.downloader.fetch(LINK) for _ in range(24)))
            assert fetched == [FILE] * 24
            assert len(it.cdn.requests) == 24
            assert 2 <= it.cdn.most_at_once <= 8

    run(work)


def test_a_connection_is_kept_for_its_own_name_and_no_other() -> None:
    async def work() -> None:
        # Two names at one address: each has to prove itself.
        names = {"mirror.example": [[PUBLIC]]}
        async with net(answer(body=FILE, connection="keep-alive"), names=names) as it:
            for _ in range(3):
                assert await it.downloader.fetch(LINK) == FILE
                assert await it.downloader.fetch("https://mirror.example/a.png") == FILE
            assert it.cdn.connections == 2
            assert sorted(map(str, it.cdn.names)) == ["cdn.example", "mirror.example"]
            assert len(it.cdn.requests) == 6

    run(work)


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(body=FILE)[:-10])
    await writer.drain()


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(body=FILE)[:-10])
    await writer.drain()
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def cut_chunk(writer: asyncio.StreamWriter) -> None:
    writer.write(CHUNKED + CHUNK)
    await writer.drain()


async def nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SECRET is not HTTP\r\n\r\n")
    await writer.drain()


PASSING: list[Answer] = [answer(each) for each in (408, 425, 429, 500, 502, 503, 504, 529)]
PASSING += [cut, reset, hang_up, cut_chunk, nonsense]


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_tried_again_three_times(fault: Answer, *, trusted: bool) -> None:
    async def work() -> None:
        script = (fault, fault, fault, answer(body=FILE))
        async with net(*script, trusted=script) as it:
            url, server = (f"{it.base}/a", it.trusted) if trusted else (LINK, it.cdn)
            assert await it.downloader.fetch(url) == FILE
            assert len(server.requests) == 4
            server.script = [fault, fault, fault, fault, answer(body=FILE)]
            assert "given:" in await unfetched(it, url)
            assert len(server.requests) == 8

    run(work)


@pytest.mark.parametrize("status", [204, 206, 300, 304, 400, 401, 403, 404, 410, 416, 451])
def test_an_answer_that_time_does_not_mend_is_not_asked_for_again(status: int) -> None:
    async def work() -> None:
        async with net(answer(status), answer(body=FILE)) as it:
            assert f"answered {status}" in await refused(it, LINK)
            assert len(it.cdn.requests) == 1

    run(work)


def test_a_host_that_is_not_found_or_not_there_is_asked_again() -> None:
    async def work() -> None:
        async with net() as it:
            await unfetched(it, "https://gone.example/a.png?t=SECRET")
            assert it.names.asked == [("gone.example", 443)] * 4
            it.wire.refusing = {PUBLIC}
            await unfetched(it)
            assert it.wire.opened == [(PUBLIC, 443)] * 4
        async with net(names={"cdn.example": [[]]}) as it:
            await unfetched(it)

    run(work)


def test_tries_are_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async def work() -> None:
        async with net(answer(503), pauses=(0.5, 2, 8)) as it:
            with monkeypatch.context() as patch:
                patch.setattr("providers.download.asyncio.sleep", note)
                await unfetched(it)

    run(work)
    spaced = [each for each in waits if each >= 0.25]
    assert len(spaced) == 3
    for wait, pause in zip(spaced, (0.5, 2, 8), strict=True):
        assert pause / 2 <= wait <= pause * 1.5
    assert spaced != [0.5, 2, 8]


def test_no_log_holds_the_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def work() -> None:
        async with net(to("https://mirror.example/b.png?sig=SECRET"), answer(404)) as it:
            await it.downloader.fetch(LINK)
            said = await refused(it, LINK)
            assert "https://cdn.example/results/a.png?…" in said

    run(work)
    assert "SECRET" not in caplog.text


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with net() as it:
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{it.canary.port}")
                monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{it.canary.port}")
            own = Downloader(
                "acme",
                (it.base,),
                resolve=it.names,
                wire=it.wire,
                tls=client_tls(*HOSTS),
            )
            assert await own.fetch(LINK) == FILE
            assert await own.fetch(it.base) == FILE
            await own.close()
            assert it.canary.connections == 0

    run(work)


def test_a_link_shows_no_query_and_no_user() -> None:
    shown = str(Link.read("https://cdn.example:443/a;b/c.png?X=SECRET#SECRET"))
    assert shown == "https://cdn.example/a;b/c.png?…"
