"""Promise 6 of the design: no hold is lost, whoever is cancelled, closed or dead."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from concurrent.futures import CancelledError
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from billing.ledger import expire
from engine.jobs import Job
from engine.single import hold_credits, release_hold
from engine.tables import jobs
from providers import Delivery, Offer, Request, Ticket
from studio.errors import (
    OutcomeUnknown,
)
from studio.operations import Generate
from tests.support.providers import PRICES, InstantProvider
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


class _Stumble:
    """Awaits a coroutine, and cancels its task when it comes to rest for the n-th time."""

    def __init__(self, work: Coroutine[Any, Any, Job], number: int) -> None:
        self._work = work
        self._left = number

    def __await__(self) -> Generator[Any, Any, Job]:
        send: Any = self._work.send
        argument: Any = None
        while True:
            try:
                rest = send(argument)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            self._left -= 1
            task = asyncio.current_task()
            if self._left == 0 and task is not None:
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                argument = yield rest
                send = self._work.send
            except BaseException as error:  # noqa: BLE001 - handed on to the coroutine
                send, argument = self._work.throw, error


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_promise_6_a_run_cancelled_at_any_await_strands_nothing(
    house: House,
    later: bool,  # noqa: FBT001 - a test's parameter
) -> None:
    async def slowly(offer: Offer, request: Request) -> Delivery | Ticket:
        await asyncio.sleep(0.01)
        return Ticket("remote") if later else house.sure.delivery(offer, request)

    async def collected(offer: Offer, ticket: Ticket) -> Delivery:
        await asyncio.sleep(0.01)
        return house.sure.delivery(offer, Request(FOX))

    async def stumble(work: Any, place: int) -> Job:
        return await _Stumble(work, place)

    house.sure._collect = collected  # type: ignore[method-assign]
    number, states, cancelled = 0, [], True
    while cancelled:
        number += 1
        key, held, calls = f"key-{number}", balance_of(house.studio).held, len(house.sure.calls)
        house.sure.script.append(slowly)
        order = order_for(house.studio, FOX, key)
        try:
            house.studio.loop.run(stumble(house.studio.executor.execute(order), number))
            cancelled = False
        except CancelledError:
            pass
        release_hold(house.studio, OWNER, order.hold)
        house.sure.script.clear()
        job = job_of(house.studio, key)
        state = job.state if job else "nothing"
        assert state in {"nothing", "failed", "unknown", "submitted", "settled"}
        states.append(state)
        # A settled or submitted one was bought; of a failed one the provider never heard.
        assert len(house.sure.calls) - calls == (state not in {"nothing", "failed"})
        kept = PRICE if state in {"unknown", "submitted"} else 0
        assert balance_of(house.studio).held == held + kept
    assert number > 4
    assert {"failed", "submitted" if later else "unknown", "settled"} <= set(states)


def test_promise_6_closing_the_studio_ends_what_runs(tmp_path: Path) -> None:
    provider = InstantProvider(repeatable=False)
    asked = asyncio.Event()

    async def sleeps(_offer: Offer, _request: Request) -> Delivery:
        asked.set()
        await asyncio.sleep(60)
        raise AssertionError

    provider.script.append(sleeps)
    with opened_studio(tmp_path, providers={"instant": provider}) as studio:
        order = order_for(studio, FOX, "fox")

        async def begin() -> asyncio.Task[Job]:
            task = asyncio.create_task(studio.executor.execute(order))
            await asked.wait()
            return task

        studio.loop.run(begin())
    studio = make_studio(tmp_path, providers={"instant": provider})
    job = job_of(studio, "fox")
    studio.close()
    assert job is not None
    assert job.state == "unknown"


def test_promise_6_the_reaper_frees_what_a_dead_run_held(house: House) -> None:
    house.sure.script.append(OutcomeUnknown("cut", provider="sure"))
    hold_credits(house.studio, OWNER, "dead/1", 10 * PRICE, "a run that died")
    execute(house.studio, order_for(house.studio, FOX, "fox", amount=10 * PRICE))
    assert balance_of(house.studio).held == 20 * PRICE
    soon = datetime.now(UTC) + timedelta(hours=3)
    ended = house.studio.database.write(lambda connection: expire(connection, soon))
    assert len(ended) == 2
    # What may have been bought is not given back.
    assert balance_of(house.studio).held == PRICE
    with house.studio.database.read() as connection:
        assert connection.execute(select(jobs.c.state)).scalars().all() == ["unknown"]
