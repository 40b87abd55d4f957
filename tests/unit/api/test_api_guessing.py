"""Who guesses keys is kept off, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from interfaces.api.guessing import FAILURES_PER_MINUTE, Guessing, network_of
from studio.errors import TooManyRequests
from tests.support.studios import OWNER
from tests.unit.api.conftest import PREFIX, Door

WRONG = "isk_01jd0m2v6k9y3hqk7d0c8r5wxe_" + "A" * 43


def ask(door: Door, key: str, address: str = "198.51.100.7") -> httpx.Response:
    """Make a request from an address."""

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(door.app, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://studio.test") as client:
            headers = {"Authorization": f"Bearer {key}"}
            return await client.get(f"{PREFIX}/assets", headers=headers)

    return asyncio.run(call())


def test_who_guesses_is_refused_and_its_neighbours_are_not(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, other = door.key(OWNER), door.key(OWNER)
    assert ask(door, known).status_code == 200
    for _ in range(FAILURES_PER_MINUTE):
        assert ask(door, WRONG).status_code == 401
    told = ask(door, WRONG)
    assert (told.status_code, told.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(told.headers["retry-after"]) <= 60
    assert ask(door, known).status_code == 200, "a key that was good goes on"
    assert ask(door, WRONG, "198.51.100.8").status_code == 401, "others are not kept off"
    # What is refused is not looked up: a right guess is not told.
    looked: list[Any] = []
    monkeypatch.setattr("interfaces.api.identity.authenticate", lambda *a: looked.append(a))
    assert (ask(door, other).status_code, looked) == (429, [])


def test_a_key_that_was_revoked_is_no_good_one_any_more(door: Door) -> None:
    key = door.key(OWNER)
    assert ask(door, key).status_code == 200
    listed = door.get("/keys").json()["keys"]
    for each in listed:
        if each["used_at"] and each["id"].removeprefix("key_") in key:
            door.call("DELETE", f"/keys/{each['id']}")
    assert ask(door, key).status_code == 401
    for _ in range(FAILURES_PER_MINUTE):
        ask(door, WRONG)
    assert ask(door, key).status_code == 429


def test_failures_are_forgotten_at_an_even_rate() -> None:
    now = [0.0]
    guessing = Guessing(60, lambda: now[0])
    for _ in range(60):
        guessing.check("a", "x")
        guessing.failed("a", "x")
    with pytest.raises(TooManyRequests):
        guessing.check("a", "x")
    now[0] = 1.1
    guessing.check("a", "x")
    guessing.failed("a", "x")
    with pytest.raises(TooManyRequests):
        guessing.check("a", "x")
    guessing.good("y")
    guessing.check("a", "y")
    now[0] = 3_700
    for _ in range(60):
        guessing.failed("a", "x")
    with pytest.raises(TooManyRequests):
        guessing.check("a", "y")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_client_of_ipv6_is_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
