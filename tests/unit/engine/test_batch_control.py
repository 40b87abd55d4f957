"""Pause, resume, cancel: no new row begins, none that was begun is lost, and the rest is free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.accounts.events import events_of
from billing.accounts.members import add_member
from engine.batch import BatchRun
from engine.batch_control import Verb, Wish, ask_for, wish_of
from engine.batch_view import view_batch
from engine.execute import Order
from engine.jobs import Job
from studio.errors import AccountRefused, BatchCancelled, Conflict, NotFound, StudioError
from tests.support.providers import PRICES
from tests.support.studios import OWNER, balance_of, execute
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_variations import carry_out, start

PRICE = PRICES["painter"]
ROWS = """\
row,operation,prompt,image,seed
fox,generate,a fox,,7
owl,generate,an owl,,8
big,upscale,,@owl,
"""


@pytest.fixture(autouse=True)
def _looks_each_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the wish before every row: a second is long for a test."""
    monkeypatch.setattr(house.studio.control, "_every", 0.01)


def ask(house: House, batch: str, verb: Verb, user: str = "") -> Wish | None:
    return house.studio.database.write(
        lambda c: ask_for(
            c,
            OWNER,
            batch,
            verb,
            user=user,
            worker=house.studio.worker,
            lasts=timedelta(hours=1),
        )
    )


def go_on(house: House, running: BatchRun) -> None:
    for wave in running.waves():
        for order in running.orders(wave):
            running.take(order, outcome(house, order))
    running.finish()


def outcome(house: House, order: Order) -> Job | StudioError:
    try:
        return execute(house.studio, order)
    except StudioError as error:
        return error


def test_a_cancelled_batch_keeps_what_is_done_and_goes_on_with_the_rest(house: House) -> None:
    running = start(house, ROWS)
    fox, owl = running.orders(running.waves()[0])
    running.take(fox, execute(house.studio, fox))
    ask(house, running.spec.id, "cancel")
    running.take(owl, outcome(house, owl))
    for wave in running.waves()[1:]:
        assert running.prompts(wave) == running.orders(wave) == []
    running.finish()
    with house.studio.database.read() as connection:
        view = view_batch(connection, OWNER, running.spec.id)
        assert wish_of(connection, running.spec.id) is None
        assert events_of(connection, OWNER, kind="batch_cancel")[0].author == OWNER
    assert view.statuses() == {"fox": "done", "owl": "cancelled", "big": "cancelled"}
    assert {end["code"] for end in view.endings.values()} == {"batch_cancelled"}
    balance = balance_of(house.studio)
    assert (balance.held, balance.captured) == (0, view.spent)
    calls = len(house.sure.calls)
    again = start(house, ROWS, 2)
    assert [row.status for row in carry_out(house, again)] == ["done"] * 3
    assert len(house.sure.calls) == calls + 2


def test_a_paused_batch_waits_with_its_credits_held_until_it_is_resumed(house: House) -> None:
    running = start(house, ROWS)
    order = running.orders(running.waves()[0])[0]
    wish = ask(house, running.spec.id, "pause")
    assert ask(house, running.spec.id, "pause") == wish
    held = balance_of(house.studio).held

    async def wait_and_see() -> Job:
        waiting = asyncio.ensure_future(house.studio.executor.execute(order))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        await asyncio.to_thread(ask, house, running.spec.id, "resume")
        return await asyncio.wait_for(waiting, 60)

    assert held > 0
    assert house.studio.loop.run(wait_and_see()).state == "settled"
    assert ask(house, running.spec.id, "resume") is None


def test_a_pause_that_outlasts_the_hold_ends_as_a_cancellation(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(house, ROWS)
    wish = ask(house, running.spec.id, "pause")
    assert wish is not None
    monkeypatch.setattr("engine.batch_control.now", lambda: wish.until)
    go_on(house, running)
    assert set(running.view.statuses().values()) == {"cancelled"}
    assert "paused" in running.view.endings["fox"]["message"]
    assert house.sure.calls == []
    assert balance_of(house.studio).held == 0


def test_a_cancellation_does_not_hide_what_a_run_before_may_have_bought(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(house, ROWS)
    order = running.orders(running.waves()[0])[0]
    job = execute(house.studio, order)
    under_way: Any = job.__class__(**{**_fields(job), "state": "submitted"})
    monkeypatch.setattr("engine.batch.find_jobs", lambda *_: {order.key: under_way})
    running.take(order, BatchCancelled("no"))
    running._end_unfinished()
    assert running.view.statuses()["fox"] == "unknown"


def _fields(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in job.__dataclass_fields__}


def test_a_wish_holds_for_one_run(house: House) -> None:
    running = start(house, ROWS)
    ask(house, running.spec.id, "cancel")
    assert ask(house, running.spec.id, "cancel") is not None
    for verb in ("pause", "resume"):
        with pytest.raises(Conflict, match="being cancelled"):
            ask(house, running.spec.id, verb)
    running.abandon()
    again = start(house, ROWS, 2)
    assert [row.status for row in carry_out(house, again)] == ["done"] * 3


def _asks(house: House, batch: str, user: str = "") -> Callable[[], object]:
    return lambda: ask(house, batch, "cancel", user)


def test_who_may_not_and_what_is_not_there_is_said(house: House) -> None:
    running = start(house, ROWS)
    batch = running.spec.id
    house.studio.database.write(lambda c: add_member(c, OWNER, OWNER, "admin", author=OWNER))
    house.studio.database.write(lambda c: add_member(c, OWNER, "eve", "viewer", author=OWNER))
    for asks, error in (
        (_asks(house, batch, "eve"), AccountRefused),
        (_asks(house, batch, "nobody"), AccountRefused),
        (_asks(house, "bat_x"), NotFound),
    ):
        with pytest.raises(error):
            asks()
    running.finish()
    with pytest.raises(Conflict, match="not being run"):
        ask(house, batch, "pause")


def test_what_belongs_to_no_batch_never_waits(house: House) -> None:
    assert house.studio.loop.run(house.studio.control.may_begin(""))
    assert house.studio.control._seen == {}
