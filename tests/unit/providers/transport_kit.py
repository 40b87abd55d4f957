"""A transport to a raw server, without its waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import SecretStr

from providers import http
from providers.http import Reply, Transport
from studio.errors import (
    BadResponse,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)

KEY = "zk-4f9Q/d2+aB7xY1mN8pR3tU6wZ0cE5gH"
"""Looks like no known kind of key, so only knowing it finds it."""
T = TypeVar("T")


_KINDS: dict[int, tuple[type[ProviderError], dict[str, Any]]] = {
    418: (BadResponse, {"again": True}),
    429: (RateLimited, {}),
    500: (OutcomeUnknown, {}),
    502: (ProviderUnavailable, {}),
    503: (ProviderUnavailable, {"again": True}),
}


def read_error(reply: Reply) -> ProviderError | None:
    """The words of a provider of the tests' own."""
    if reply.ok:
        return None
    kind, details = _KINDS.get(reply.status, (ProviderRejected, {}))
    return kind(f"It says {reply.status}: {reply.text()}", provider="tests", **details)


def transport(url: str, **options: Any) -> Transport:
    options.setdefault("headers", {"Authorization": SecretStr(f"Bearer {KEY}")})
    options.setdefault("read_error", read_error)
    return Transport("tests", url, **options)


def run(made: Transport, work: Callable[[Transport], Awaitable[T]]) -> T:
    """Do something in a loop of its own and close the connections."""

    async def whole() -> T:
        try:
            return await work(made)
        finally:
            await made.close()

    return asyncio.run(whole())


def submit(made: Transport, **options: Any) -> Reply:
    options.setdefault("seconds", 5)
    return run(made, lambda it: it.submit("/work", **{"json": {"prompt": "a fox"}, **options}))


def read(made: Transport, **options: Any) -> Reply:
    return run(made, lambda it: it.read("/state", **{"seconds": 5, **options}))


class Clock:
    """Stands for the waits between tries: it counts them and takes none."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


class _Asyncio:
    """``asyncio`` with another ``sleep``, for one module."""

    def __init__(self, clock: Clock) -> None:
        self.sleep = clock.sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


def without_waits(monkeypatch: Any) -> Clock:
    """Let the transport's waits take no time; return what counts them."""
    clock = Clock()
    monkeypatch.setattr(http, "asyncio", _Asyncio(clock))
    return clock
