"""Downloads: what a provider names may be anything, and nothing private is reached by it."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.addresses import is_public
from providers.download import Downloader
from tests.unit.providers.download_net import (
    FILE,
    LINK,
    PUBLIC,
    PUBLIC6,
    net,
    refused,
    run,
    unfetched,
)
from tests.unit.providers.hostile_urls import NAMES, URLS
from tests.unit.providers.scripted_net import answer


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
            it.wire._routes, downloader._seconds = {}, 0.3
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
