"""Downloads: what a provider names may be anything, and only what is rightful is fetched."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import socket
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.addresses import is_public, look_up
from providers.download import Downloader
from providers.links import Link
from studio.errors import BadResponse, OutcomeUnknown, ProviderError, SetupIncomplete
from tests.unit.providers.hostile_urls import NAMES, URLS
from tests.unit.providers.scripted_net import (
    Answer,
    Names,
    Server,
    Wire,
    answer,
    client_tls,
    server_tls,
)

PUBLIC, PUBLIC6, ELSEWHERE = "93.184.215.14", "2606:4700::1111", "151.101.1.69"
HOSTS = ("cdn.example", "mirror.example")
FILE = b"\x89PNG the file" * 100
LINK = "https://cdn.example/results/a.png?X-Signature=SECRET"


@dataclass
class Net:
    """``cdn.example`` and ``mirror.example`` by https, a configured origin by http, a canary."""

    cdn: Server
    mirror: Server
    trusted: Server
    canary: Server
    wire: Wire
    names: Names
    downloader: Downloader

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.trusted.port}"


@asynccontextmanager
async def net(
    *script: Answer,
    mirror: tuple[Answer, ...] = (answer(body=FILE),),
    trusted: tuple[Answer, ...] = (answer(body=FILE),),
    names: dict[str, list[list[str]]] | None = None,
    certificate: tuple[str, ...] = HOSTS,
    seconds: float = 20,
    pauses: tuple[float, ...] = (0, 0, 0),
) -> AsyncIterator[Net]:
    async with (
        Server(*(script or (answer(body=FILE),)), tls=server_tls(*certificate)) as cdn,
        Server(*mirror, tls=server_tls(*HOSTS)) as second,
        Server(*trusted) as own,
        Server(answer(body=b"canary")) as canary,
    ):
        wire = Wire({PUBLIC: cdn.port, PUBLIC6: cdn.port, ELSEWHERE: second.port}, canary.port)
        known = {"cdn.example": [[PUBLIC]], "mirror.example": [[ELSEWHERE]], **(names or {})}
        resolve = Names(known)
        downloader = Downloader(
            "acme",
            (f"http://127.0.0.1:{own.port}/api/v3",),
            resolve=resolve,
            wire=wire,
            tls=client_tls(*HOSTS),
            seconds=seconds,
            pauses=pauses,
        )
        try:
            yield Net(cdn, second, own, canary, wire, resolve, downloader)
        finally:
            await downloader.close()


def told(error: BaseException) -> str:
    """Everything that a log could hold of an error."""
    words = "".join(traceback.format_exception(error))
    return words + (str(error.as_dict()) if isinstance(error, ProviderError) else "")


async def refused(net: Net, url: str, **options: Any) -> str:
    with pytest.raises(BadResponse) as caught:
        await net.downloader.fetch(url, **options)
    error = caught.value
    assert (error.bought, error.provider, error.field) == (None, "acme", "url")
    assert error.given is not None
    assert error.allowed is not None
    assert "SECRET" not in told(error)
    return str(error)


async def unfetched(net: Net, url: str = LINK) -> str:
    with pytest.raises(OutcomeUnknown) as caught:
        await net.downloader.fetch(url)
    assert caught.value.bought is None
    assert "SECRET" not in told(caught.value)
    assert "is bought" in str(caught.value)
    return str(caught.value)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


# What is rightful.


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


# What is forbidden.


async def resolve_hostile(host: str, port: int) -> list[str]:
    """Answer like a machine's resolver: it reads every notation of an address, too."""
    if host in NAMES:
        return NAMES[host]
    if host in {"localhost", "redis", "metadata"}:
        return [PUBLIC]  # what a name says is no proof: the rule for such names stands alone
    try:
        found = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return [PUBLIC]
    return list({str(each[4][0]) for each in found})


def test_the_corpus_is_large_and_without_repetition() -> None:
    assert len({url for url, _ in URLS}) == len(URLS) >= 80


def test_no_hostile_url_opens_a_connection() -> None:
    """One downloader for all: what a refusal leaves behind would stop the ones that follow."""

    async def work() -> None:
        async with net() as it:
            downloader = Downloader(
                "acme", (it.base,), resolve=resolve_hostile, wire=it.wire, pauses=()
            )
            it.downloader, plain = downloader, it.downloader
            await plain.close()
            for url, rule in URLS:
                hostile = url.format(trusted=it.trusted.port, other=it.canary.port)
                said = await refused(it, hostile)
                assert rule in said, url
                assert it.wire.opened == [], url
            served = (it.cdn, it.mirror, it.trusted, it.canary)
            assert sum(each.connections for each in served) == 0
            # The same net would have shown a connection: to the canary, where unknown hosts lead.
            it.wire._routes = {}
            await unfetched(it, "https://rightful.example/a.png")
            assert it.wire.opened == [(PUBLIC, 443)]
            assert it.canary.connections == 1

    run(work)


PRIVATE = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "fd00::1", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("private", PRIVATE)
def test_a_name_that_becomes_private_between_check_and_connection_gains_nothing(
    private: str,
) -> None:
    async def work() -> None:
        async with net(names={"cdn.example": [[PUBLIC], [private]]}) as it:
            assert await it.downloader.fetch(LINK) == FILE
            assert it.wire.opened == [(PUBLIC, 443)]
            assert "cdn.example has an address" in await refused(it, LINK)
            assert it.wire.opened == [(PUBLIC, 443)]
            assert len(it.names.asked) == 2
            assert it.canary.connections == 0

    run(work)


def test_a_name_that_becomes_private_between_two_tries_gains_nothing() -> None:
    async def work() -> None:
        names = {"cdn.example": [[PUBLIC], ["10.0.0.1"]]}
        async with net(answer(503), answer(body=FILE), names=names) as it:
            await refused(it, LINK)
            assert it.wire.opened == [(PUBLIC, 443)]
            assert len(it.cdn.requests) == 1

    run(work)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("private", PRIVATE)
def test_one_private_address_among_public_ones_is_enough(private: str, order: int) -> None:
    async def work() -> None:
        async with net(names={"cdn.example": [[PUBLIC, PUBLIC6, private][::order]]}) as it:
            await refused(it, LINK)
            assert it.wire.opened == []

    run(work)


private_numbers = st.one_of(
    *(
        st.integers(int(network[0]), int(network[-1]))
        for network in map(
            IPv4Network,
            [
                "0.0.0.0/8",
                "10.0.0.0/8",
                "100.64.0.0/10",
                "127.0.0.0/8",
                "169.254.0.0/16",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "198.18.0.0/15",
                "224.0.0.0/3",
            ],
        )
    )
)


@given(private_numbers)
def test_no_disguise_makes_a_private_address_public(number: int) -> None:
    assert not is_public(IPv4Address(number))
    for prefix in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"):
        assert not is_public(IPv6Address(int(IPv6Address(prefix)) + number))
    assert not is_public(IPv6Address(int(IPv6Address("2002::")) + (number << 80)))
    assert not is_public(IPv6Address(int(IPv6Address("2001::")) + (number ^ 0xFFFFFFFF)))


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.215.14",
        "99.84.1.1",
        "223.255.255.254",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "2001:4860:4860::8888",
        "64:ff9b::8.8.8.8",
    ],
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


# Redirects.


def to(location: str, status: int = 302) -> bytes:
    return answer(status, location=location)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_nothing_of_ours_goes_along(status: int) -> None:
    async def work() -> None:
        first = answer(
            status,
            location="https://mirror.example/b.png?sig=SECRET",
            set_cookie="session=SECRET; Domain=example; Path=/",
        )
        async with net(first, mirror=(to("/c.png"), answer(body=FILE))) as it:
            assert await it.downloader.fetch(LINK) == FILE
            assert it.wire.opened == [(PUBLIC, 443), (ELSEWHERE, 443), (ELSEWHERE, 443)]
            assert it.mirror.names == ["mirror.example"] * 2
            sent = it.cdn.requests + it.mirror.requests
            assert [each.split()[1] for each in sent[1:]] == ["/b.png?sig=SECRET", "/c.png"]
            for each in sent:
                named = {line.partition(":")[0].lower() for line in each.split("\r\n")[1:] if line}
                assert named == {"host", "user-agent", "accept", "accept-encoding"}

    run(work)


REDIRECTS = [
    ("http://cdn.example/a.png?t=SECRET", "not https"),
    ("http://mirror.example/a.png", "not https"),
    ("https://mirror.example:8443/a.png", "port 8443"),
    ("https://10.0.0.1/a.png?t=SECRET", "not on the public internet"),
    ("https://169.254.169.254/latest/meta-data/", "not on the public internet"),
    ("https://[::1]/a.png", "not on the public internet"),
    ("https://inner.example/a.png?t=SECRET", "not on the public internet"),
    ("https://2130706433/", "odd notation"),
    ("https://localhost/", "local network"),
    ("https://user:SECRET@mirror.example/a.png", "written plainly"),
    ("//user:SECRET@mirror.example/a.png", "written plainly"),
    ("HTTPS://10.0.0.1:443/a.png", "not on the public internet"),
    ("\\\\10.0.0.1\\a.png", "again and again"),
    ("file:///etc/passwd", "written plainly"),
    ("ftp://mirror.example/a.png", "written plainly"),
    ("data:image/png;base64,AAAA", "written plainly"),
    ("javascript:alert(1)", "written plainly"),
    ("https://[mirror.example/", "cannot be read"),
    ("https://mirrör.example/", "written plainly"),
]


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize(("location", "rule"), REDIRECTS)
def test_a_redirect_leads_nowhere_that_the_link_itself_could_not(
    location: str, rule: str, *, trusted: bool
) -> None:
    async def work() -> None:
        names = {"inner.example": [["192.168.0.1"]]}
        script = (to(location),)
        async with net(*script, trusted=script, names=names) as it:
            said = await refused(it, f"{it.base}/a.png" if trusted else LINK)
            assert rule in said
            asked = it.trusted if trusted else it.cdn
            assert {each[0] for each in it.wire.opened} == {"127.0.0.1" if trusted else PUBLIC}
            assert len(asked.requests) == (4 if rule == "again and again" else 1)
            assert it.canary.connections + it.mirror.connections == 0

    run(work)


def test_a_public_server_cannot_lead_to_the_trusted_origin() -> None:
    async def work() -> None:
        async with net() as it:
            it.cdn.script = [to(f"{it.base}/admin?t=SECRET")]
            assert "configured address" in await refused(it, LINK)
            it.cdn.script = [to(f"http://127.0.0.1:{it.canary.port}/")]
            assert "not https" in await refused(it, LINK)
            assert it.trusted.connections + it.canary.connections == 0

    run(work)


def test_one_trusted_origin_cannot_lead_to_another() -> None:
    async def work() -> None:
        async with net() as it:
            other = f"http://127.0.0.1:{it.canary.port}"
            it.trusted.script = [to(f"{other}/a.png")]
            both = Downloader("acme", (it.base, other), wire=it.wire, tls=client_tls(*HOSTS))
            await it.downloader.close()
            it.downloader = both
            assert "configured address" in await refused(it, f"{it.base}/a.png")
            assert it.canary.connections == 0
            assert await both.fetch(other) == b"canary"

    run(work)


def test_the_trusted_origin_may_lead_to_itself_and_to_the_public_internet() -> None:
    async def work() -> None:
        async with net(trusted=(to("/b"), to(LINK))) as it:
            assert await it.downloader.fetch(f"{it.base}/a") == FILE
            assert [each.split()[1] for each in it.trusted.requests] == ["/a", "/b"]
            assert it.wire.opened[-1] == (PUBLIC, 443)

    run(work)


def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    async def work() -> None:
        async with net(to("/b"), to("/c"), to("/d"), answer(body=FILE)) as it:
            assert await it.downloader.fetch(LINK) == FILE
            it.cdn.script = [to("/b"), to("/c"), to("/d"), to("/e"), answer(body=FILE)]
            assert "again and again" in await refused(it, LINK)
            assert len(it.cdn.requests) == 8
        async with net(to("https://mirror.example/"), mirror=(to(LINK),)) as it:
            assert "3 redirects" in await refused(it, LINK)
            assert (len(it.cdn.requests), len(it.mirror.requests)) == (2, 2)

    run(work)


# Limits.


def endless(sent: list[int], head: bytes, part: bytes) -> Answer:
    """An answer without end; ``sent`` counts its bytes."""

    async def serve(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while sent[0] < 1 << 28:
            writer.write(part)
            await writer.drain()
            sent[0] += len(part)

    return serve


CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"
CHUNKED = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "part"),
    [(CHUNKED, CHUNK), (b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n", bytes(0x10000))],
)
def test_a_body_of_unknown_length_is_cut_at_the_limit(head: bytes, part: bytes) -> None:
    async def work() -> None:
        sent = [0]
        async with net(endless(sent, head, part)) as it:
            said = await refused(it, LINK, limit=1_000_000)
            assert "too large" in said
            assert "at most 1000000 bytes" in said
            assert len(it.cdn.requests) == 1
        assert sent[0] < 16_000_000

    run(work)


def test_a_file_may_be_as_large_as_the_limit_and_not_a_byte_larger() -> None:
    async def work() -> None:
        async with net() as it:
            assert await it.downloader.fetch(LINK, limit=len(FILE)) == FILE
            await refused(it, LINK, limit=len(FILE) - 1)
            chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(FILE), FILE)
            it.cdn.script = [CHUNKED + chunked]
            assert await it.downloader.fetch(LINK, limit=len(FILE)) == FILE
            await refused(it, LINK, limit=len(FILE) - 1)

    run(work)


def test_an_announced_length_is_believed_only_to_refuse() -> None:
    async def work() -> None:
        sent = [0]
        huge = b"HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n"
        async with net(endless(sent, huge, bytes(0x10000))) as it:
            assert "too large" in await refused(it, LINK, limit=1_000)
            # Fewer bytes than are sent: what is beyond is not part of this answer.
            it.cdn.script = [endless([0], b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n", FILE)]
            assert await it.downloader.fetch(LINK, limit=10) == FILE[:10]

    run(work)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"])
def test_a_compressed_body_is_not_unpacked(encoding: str) -> None:
    async def work() -> None:
        bomb = gzip.compress(bytes(20_000_000), 9)
        async with net(answer(body=bomb, content_encoding=encoding)) as it:
            assert "compressed" in await refused(it, LINK, limit=100_000)
            assert len(it.cdn.requests) == 1
            it.cdn.script = [answer(body=FILE, content_encoding="identity")]
            assert await it.downloader.fetch(LINK) == FILE

    run(work)


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n")
    for number in range(1000):
        writer.write(b"x-%d: y\r\n" % number)
        await writer.drain()
        await asyncio.sleep(0.02)


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(20)


@pytest.mark.parametrize("slow", [drip, drip_headers, silence])
def test_a_fetch_ends_in_time_however_slowly_it_goes(slow: Answer) -> None:
    async def work() -> None:
        async with net(slow, seconds=0.4) as it:
            begun = time.monotonic()
            assert "more than 0.4 seconds" in await unfetched(it)
            assert 0.3 < time.monotonic() - begun < 3
            assert len(it.cdn.requests) == 1
            it.cdn.script = [answer(body=FILE)]
            it.downloader._seconds = 20
            assert await it.downloader.fetch(LINK) == FILE

    run(work)


def test_a_slow_resolver_ends_in_time() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.sleep(20)
        return [PUBLIC]

    async def work() -> None:
        async with net() as it:
            await it.downloader.close()
            it.downloader = Downloader("acme", resolve=never, wire=it.wire, seconds=0.3)
            assert "more than 0.3 seconds" in await unfetched(it)
            assert it.wire.opened == []

    run(work)


def test_a_cancelled_fetch_stays_cancelled_and_frees_its_connection() -> None:
    async def work() -> None:
        async with net(silence) as it:
            for _ in range(10):  # more than there are connections
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await it.downloader.fetch(LINK)
            it.cdn.script = [answer(body=FILE)]
            assert await it.downloader.fetch(LINK) == FILE

    run(work)


# What passes.


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


# What must not be told, and what is not asked.


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


# Embedded files.


def embedded(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    "kind",
    [
        "image/png",
        "IMAGE/svg+xml",
        "video/mp4",
        "audio/x-wav",
        "model/gltf-binary",
        "image/png;charset=utf-8",
        'video/mp4;codecs="avc1"',
    ],
)
def test_an_embedded_file_is_decoded(kind: str) -> None:
    async def work() -> None:
        async with net() as it:
            for size in range(5):
                assert await it.downloader.fetch(embedded(FILE[:size], kind)) == FILE[:size]
            assert it.wire.opened == []

    run(work)


@pytest.mark.parametrize("limit", range(1, 9))
def test_an_embedded_file_has_the_same_limit(limit: int) -> None:
    async def work() -> None:
        async with net() as it:
            assert await it.downloader.fetch(embedded(bytes(limit)), limit=limit) == bytes(limit)
            for more in (1, 2, 3, 1000):
                said = await refused(it, embedded(bytes(limit + more)), limit=limit)
                assert f"at most {limit} bytes" in said

    run(work)
