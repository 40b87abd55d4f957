"""Promises 2 and 3 of the design: bought once, and finished is finished."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from engine import journal
from engine.jobs import Job
from engine.single import release_hold
from engine.studio import Studio
from engine.tables import jobs
from providers import Delivery, Offer, Request, Ticket
from studio.errors import (
    AlreadyRunning,
    AuthFailed,
    BadResponse,
    ContentBlocked,
    InvalidRequest,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    StudioUnavailable,
    TooLarge,
)
from studio.operations import Generate, Upscale
from tests.support.paid_server import Fault, PaidServer, tiny_png
from tests.support.providers import PRICES, InstantProvider, PaidProvider, book
from tests.support.studios import (
    OWNER,
    balance_of,
    execute,
    job_of,
    make_studio,
    opened_studio,
    order_for,
)
from tests.unit.engine.conftest import House

PRICE = PRICES["painter"]
FOX = Generate(prompt="a fox")


# --- 2. Bought once.


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown("cut", provider="sure"),
        BadResponse("no picture", provider="sure"),
        InvalidRequest("an adapter that decodes what it bought, and stumbles"),
        ValueError("a bug"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_promise_2_an_unknown_outcome_is_never_repeated(house: House, error: Exception) -> None:
    async def bought(_offer: Offer, _request: Request) -> Delivery:
        raise error

    house.sure.script.append(bought)
    order = order_for(house.studio, FOX, "fox", amount=10 * PRICE)
    assert execute(house.studio, order).state == "unknown"
    release_hold(house.studio, OWNER, order.hold)
    again = order_for(house.studio, FOX, "fox", amount=10 * PRICE, hold_key="fox/2")
    assert execute(house.studio, again).state == "unknown"
    release_hold(house.studio, OWNER, again.hold)
    assert len(house.sure.calls) == 1
    assert house.dear.calls == []
    wallet = balance_of(house.studio)
    assert (wallet.captured, wallet.held) == (0, PRICE)


@pytest.mark.parametrize(
    "kind",
    [
        AuthFailed, ContentBlocked, ModelRetired, PaymentRequired, ProviderRejected,
        ProviderUnavailable, RateLimited, TooLarge,
    ],
)  # fmt: skip
def test_promise_2_what_surely_bought_nothing_goes_on_to_the_next_offer(
    house: House, kind: type[ProviderError]
) -> None:
    house.sure.script.append(kind("no", provider="sure"))
    order = order_for(house.studio, FOX, "fox", amount=10 * PRICE)
    job = execute(house.studio, order)
    assert (job.state, job.offer, job.attempt) == ("settled", "dear/painter", 2)
    release_hold(house.studio, OWNER, order.hold)
    wallet = balance_of(house.studio)
    assert (wallet.captured, wallet.held) == (3 * PRICE, 0)


@pytest.mark.parametrize(
    ("fault", "state", "bought"),
    [
        ("busy", "failed", 0), ("limit", "failed", 0), ("drop", "unknown", 1),
        ("error", "unknown", 1), ("slow", "unknown", 1), ("garbage", "unknown", 1),
        ("wrong_type", "unknown", 1), ("truncated", "unknown", 1), ("cut", "unknown", 1),
    ],
)  # fmt: skip
def test_promise_2_over_http(tmp_path: Path, fault: Fault, state: str, bought: int) -> None:
    with PaidServer(slow_seconds=5) as server:
        providers = {"paid": PaidProvider(server.url, timeout=1)}
        with opened_studio(tmp_path, providers=providers) as studio:
            server.faults.append(fault)
            order = order_for(studio, FOX, "fox")
            job = execute(studio, order)
            assert job.state == state
            assert job.error is not None
            assert job.error["message"]
            release_hold(studio, OWNER, order.hold)
            assert len(server.purchases) == bought
            assert balance_of(studio).held == bought * PRICE
            second = execute(studio, order_for(studio, FOX, "fox", hold_key="fox/2"))
            assert second.state == ("unknown" if bought else "settled")
            assert len(server.purchases) == 1


def test_promise_2_no_connection_buys_nothing(tmp_path: Path) -> None:
    with PaidServer() as server:
        url = server.url
    with opened_studio(tmp_path, providers={"paid": PaidProvider(url)}) as studio:
        job = execute(studio, order_for(studio, FOX, "fox"))
        assert job.state == "failed"
        assert (job.error or {})["code"] == "provider_unavailable"


def test_promise_2_a_provider_that_does_not_answer_in_time(tmp_path: Path) -> None:
    slow = InstantProvider("slow", repeatable=False, seconds=1)

    async def sleeps(_offer: Offer, _request: Request) -> Delivery:
        await asyncio.sleep(60)
        raise AssertionError

    slow.script.append(sleeps)
    with opened_studio(tmp_path, providers={"slow": slow}) as studio:
        job = execute(studio, order_for(studio, FOX, "fox"))
        assert job.state == "unknown"
        assert "within 1 seconds" in (job.error or {})["message"]


def _upscale(studio: Studio, folder: Path) -> Upscale:
    (folder / "photo.png").write_bytes(tiny_png("photo"))
    return Upscale(image=str(folder / "photo.png"))


def test_promise_2_the_remote_id_is_stored_before_anybody_waits(tmp_path: Path) -> None:
    """The provider has it, nobody answers; a new process asks for it and submits nothing."""
    with PaidServer() as server:
        prices = book(paid=1)
        seen: list[Job | None] = []

        class Watched(PaidProvider):
            async def _collect(self, offer: Offer, ticket: Ticket) -> Delivery:
                seen.append(await asyncio.to_thread(job_of, studio, "large"))
                return await super()._collect(offer, ticket)

        providers = {"paid": Watched(server.url)}
        with opened_studio(tmp_path, providers=providers, prices=prices) as studio:
            operation = _upscale(studio, tmp_path)
            server.poll_faults.extend(["drop", "error", "limit"])
            for number in range(3):
                order = order_for(studio, operation, "large", hold_key=f"large/{number}")
                job = execute(studio, order)
                assert (job.state, job.remote_id) == ("submitted", "remote-1")
                release_hold(studio, OWNER, order.hold)
            assert balance_of(studio).held == PRICES["enlarger"]
        assert [(job.state, job.remote_id) for job in seen if job] == [
            ("submitted", "remote-1")
        ] * 3
        studio = make_studio(tmp_path, providers={"paid": PaidProvider(server.url)}, prices=prices)
        job = execute(studio, order_for(studio, operation, "large", hold_key="large/9"))
        assert job.state == "settled"
        studio.close()
        assert server.submits == len(server.purchases) == 1


def _orphan(studio: Studio, key: str, state: str) -> None:
    """Make a settled job one that a process left behind which is gone."""
    studio.database.write(
        lambda connection: connection.execute(
            update(jobs).where(jobs.c.key == key).values(worker="wrk_gone", state=state)
        )
    )


@pytest.mark.parametrize(
    ("repeatable", "state", "calls"), [(False, "unknown", 1), (True, "settled", 2)]
)
def test_promise_2_a_job_of_a_dead_process(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    repeatable: bool,  # noqa: FBT001 - a test's parameter
    state: str,
    calls: int,
) -> None:
    provider = InstantProvider(repeatable=repeatable)
    with opened_studio(tmp_path, providers={"instant": provider}) as studio:

        async def dies(_offer: Offer, _request: Request) -> Delivery:
            await asyncio.to_thread(_orphan, studio, "fox", "prepared")
            # The dead process writes nothing more.
            monkeypatch.setattr(journal, "note_failure", lambda _c, units: [None] * len(units))
            raise ValueError

        provider.script.append(dies)
        execute(studio, order_for(studio, FOX, "fox"))
        monkeypatch.undo()
        job = execute(studio, order_for(studio, FOX, "fox", hold_key="fox/2"))
        assert (job.state, len(provider.calls)) == (state, calls)


def test_promise_2_an_offer_that_is_gone_leaves_no_job_behind(house: House) -> None:
    house.sure.script.append(Ticket("remote-1"))
    house.sure.pickups.append(ProviderUnavailable("away", provider="sure"))
    execute(house.studio, order_for(house.studio, FOX, "fox"))
    house.sure._offers = ()
    job = execute(house.studio, order_for(house.studio, FOX, "fox", hold_key="fox/2"))
    assert job.state == "unknown"
    assert "not sold here any more" in (job.error or {})["message"]


def test_promise_2_two_at_once_in_one_process(house: House) -> None:
    async def slowly(offer: Offer, request: Request) -> Delivery:
        await asyncio.sleep(0.2)
        return house.sure.delivery(offer, request)

    house.sure.script.append(slowly)
    order = order_for(house.studio, FOX, "fox", amount=10 * PRICE)

    async def crowd() -> list[Any]:
        work = (house.studio.executor.execute(order) for _ in range(8))
        return await asyncio.gather(*work, return_exceptions=True)

    results = house.studio.loop.run(crowd())
    assert [result.state for result in results if isinstance(result, Job)] == ["settled"]
    others = [result for result in results if not isinstance(result, Job)]
    assert {type(result) for result in others} == {AlreadyRunning}
    assert len(house.sure.calls) == 1
    # Whoever comes later gets what was made.
    assert execute(house.studio, order).state == "settled"
    assert len(house.sure.calls) == 1


def test_promise_2_two_at_once_in_two_processes(tmp_path: Path) -> None:
    with opened_studio(tmp_path, providers={"paid": InstantProvider("paid")}):
        pass
    with PaidServer(slow_seconds=3) as server:
        server.faults.append("slow")
        racers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.unit.engine.racer", str(tmp_path), server.url, name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[3],
            )
            for name in "ab"
        ]
        for word in ("ready", ""):
            said = [racer.stdout.readline().strip() for racer in racers if racer.stdout]
            if word:
                assert said == [word] * 2
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write("\n")
                racer.stdin.flush()
        for racer in racers:
            racer.communicate()
            assert racer.returncode == 0
        assert sorted(said) == ["already_running", "settled"]
        assert len(server.purchases) == 1


# --- 3. Finished is finished.


def _absent(times: int, function: Any) -> Any:
    """Return ``function`` as it is while what it needs is away for its first calls."""
    left = [times]

    def away(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise StudioUnavailable("away")
        return function(*arguments, **named)

    return away


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("what", ["store", "note_bought", "note_generated", "settle"])
def test_promise_3_what_is_away_for_a_moment_is_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch, what: str, times: int
) -> None:
    if what == "store":
        monkeypatch.setattr(house.studio.store, "put", _absent(times, house.studio.store.put))
    else:
        monkeypatch.setattr(journal, "note_bought", _absent(100, None))
        if what != "note_bought":
            monkeypatch.setattr(journal, what, _absent(times, getattr(journal, what)))
    assert execute(house.studio, order_for(house.studio, FOX, "fox")).state == "settled"
    assert len(house.sure.calls) == 1


def test_promise_3_what_could_not_be_stored_is_not_bought_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(house.studio.store, "put", _absent(100, None))
        job = execute(house.studio, order_for(house.studio, FOX, "fox"))
    assert job.state == "unknown"
    again = execute(house.studio, order_for(house.studio, FOX, "fox", hold_key="fox/2"))
    assert again.state == "unknown"
    assert len(house.sure.calls) == 1


@pytest.mark.parametrize(("what", "state"), [("note_generated", "unknown"), ("settle", "settled")])
def test_promise_3_a_database_that_stays_away_buys_nothing_twice(
    house: House, monkeypatch: pytest.MonkeyPatch, what: str, state: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal, "note_bought", _absent(100, None))
        patch.setattr(journal, what, _absent(100, None))
        with pytest.raises(StudioUnavailable):
            execute(house.studio, order_for(house.studio, FOX, "fox"))
    again = order_for(house.studio, FOX, "fox", hold_key="fox/2")
    assert execute(house.studio, again).state == state
    assert len(house.sure.calls) == 1
    balance_of(house.studio)


def test_promise_3_an_input_that_is_gone_sends_nothing(house: House, tmp_path: Path) -> None:
    order = order_for(house.studio, _upscale(house.studio, tmp_path), "large")
    for file in (tmp_path / "home" / "blobs").rglob("*"):
        if file.is_file():
            file.unlink()
    job = execute(house.studio, order)
    assert job.state == "failed"
    assert "Nothing was sent" in (job.error or {})["message"]
    assert house.sure.calls == house.dear.calls == []
