"""What all providers with a key share: keys, accounts, and how they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import SecretStr

from providers import Delivery, Health, Offer, Request, cloud
from providers.cloud import CloudProvider
from studio.errors import AuthFailed
from tests.unit.providers.offer_kit import offer
from tests.unit.providers.raw_server import RawServer
from tests.unit.providers.transport_kit import transport

SOLD = offer()


async def well() -> Health:
    return Health(reachable=True, says="well")


class Cloud(CloudProvider):
    def __init__(
        self, key: str, check: Callable[[], Awaitable[Health]] = well, name: str = "tests"
    ) -> None:
        super().__init__(
            name,
            key=SecretStr(key),
            setting="STUDIO_TESTS_KEY",
            offers=[SOLD],
            transport=transport("http://127.0.0.1:1"),
        )
        self._asked = check

    async def _check(self) -> Health:
        return await self._asked()

    async def _submit(self, offer: Offer, request: Request) -> Delivery:
        raise AssertionError("nothing is bought here")


def checked(provider: Cloud) -> Health:
    return asyncio.run(provider.check())


async def never() -> Health:
    raise AssertionError("without a key nobody is asked")


def test_with_a_key_it_is_ready() -> None:
    provider = Cloud("sk-abc.def_123")
    assert provider.not_ready(SOLD) == ""
    assert provider.offers() == (SOLD,)
    assert checked(provider) == Health(reachable=True, says="well")


def test_without_a_key_the_setting_is_named() -> None:
    provider = Cloud("", never)
    assert provider.not_ready(SOLD) == "needs a key: set STUDIO_TESTS_KEY"
    assert checked(provider) == Health(reachable=False, says="no key: set STUDIO_TESTS_KEY")


@pytest.mark.parametrize("key", ["sk-abc\n", " sk-abc", "sk-abc def", "sk-\u2019abc", "sk\x00abc"])
def test_a_key_that_is_none_is_no_key(key: str) -> None:
    provider = Cloud(key, never)
    assert "STUDIO_TESTS_KEY holds a space, a line break" in provider.not_ready(SOLD)
    assert key.strip() not in provider.not_ready(SOLD)
    assert not checked(provider).reachable


def test_what_it_says_of_itself_is_told() -> None:
    async def refused() -> Health:
        raise AuthFailed("the key was not accepted", provider="tests")

    assert checked(Cloud("key", refused)) == Health(
        reachable=False, says="the key was not accepted"
    )


def test_nobody_waits_for_ever_for_how_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent() -> Health:
        await asyncio.sleep(30)
        return await well()

    monkeypatch.setattr(cloud, "_CHECK_SECONDS", 0.05)
    assert checked(Cloud("key", silent)).says == "did not answer within 0.05 seconds"


def test_an_account_is_known_by_its_key_and_does_not_tell_it() -> None:
    account = Cloud("sk-secret-key").account
    assert account == Cloud("sk-secret-key").account
    assert account.startswith("tests:")
    assert "sk-secret" not in account
    assert (
        len({account, Cloud("sk-another").account, Cloud("sk-secret-key", name="b").account}) == 3
    )


def test_the_pace_is_that_of_its_requests_and_closing_closes() -> None:
    paced: list[int] = []

    async def pace() -> None:
        paced.append(1)

    async def work(url: str) -> None:
        provider = Cloud("key")
        provider.http.base_url = url
        provider.pace_by(pace)
        await provider.http.read("/a")
        await provider.http.read("/b")
        await provider.close()

    with RawServer() as server:
        asyncio.run(work(server.url))
    assert len(paced) == 2
