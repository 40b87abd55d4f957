"""Downloads: no file takes more memory or time than it may, however it is sent."""

from __future__ import annotations

import asyncio
import base64
import gzip
import time

import httpcore
import pytest

from providers.addresses import PublicBackend
from providers.download import Downloader
from tests.unit.providers.download_net import FILE, LINK, PUBLIC, net, refused, run, unfetched
from tests.unit.providers.scripted_net import CHUNK, CHUNKED, Answer, Names, answer


def endless(sent: list[int], head: bytes, part: bytes) -> Answer:
    """An answer without end; ``sent`` counts its bytes."""

    async def serve(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while sent[0] < 1 << 28:
            writer.write(part)
            await writer.drain()
            sent[0] += len(part)

    return serve


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
            # Nobody waits for what is refused anyway.
            it.cdn.script = [endless([1 << 28], huge, b"")]
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
        async with net(slow, seconds=1) as it:
            begun = time.monotonic()
            assert "more than 1 seconds" in await unfetched(it)
            assert 0.9 < time.monotonic() - begun < 15
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


def test_one_look_up_and_one_silent_address_do_not_take_all_the_time() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.sleep(20)
        return [PUBLIC]

    async def work() -> None:
        async with net() as it:
            with pytest.raises(httpcore.ConnectTimeout):
                await PublicBackend(never, it.wire).connect_tcp("cdn.example", 443, 0.05)
            many = [f"93.184.215.{number}" for number in range(20, 40)]
            it.wire.refusing = set(many)
            with pytest.raises(httpcore.ConnectError):
                await PublicBackend(Names({"cdn.example": [many]}), it.wire).connect_tcp(
                    "cdn.example", 443
                )
            assert it.wire.opened == [(each, 443) for each in many[:4]]

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
            # What is surely too long is not decoded, so nobody finds that it is broken.
            assert "too large" in await refused(it, f"{embedded(bytes(limit + 9))}*", limit=limit)

    run(work)
