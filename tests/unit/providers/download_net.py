"""A downloader in a network in small: two public hosts, a configured origin and a canary."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from providers.download import Downloader
from studio.errors import BadResponse, OutcomeUnknown, ProviderError
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
