"""Runs whose process is gone before it gave a sign, which Prefect takes for under way for ever."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect import State, flow, get_client
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.states import Cancelling, Paused, Pending, Running, Scheduled

from flows.upkeep import names_of_flows
from tasks import silent

pytestmark = pytest.mark.usefixtures("prefect_server")

_LONG_AGO, _NO_TIME = timedelta(minutes=30), timedelta()
_MOST_SECONDS = 120


@flow
async def unbegun() -> None:
    """Be a flow whose runs are only ever written down here."""


_young: set[UUID] = set()
"""Runs that are as old as they are: the server dates every other's state itself, too late."""


@pytest.fixture(autouse=True)
def _time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    since = silent._since
    monkeypatch.setattr(silent, "_LISTEN_SECONDS", 0.1)
    monkeypatch.setattr(
        silent, "_since", lambda run: since(run) - (_NO_TIME if run.id in _young else _LONG_AGO)
    )


async def left(state: State[Any]) -> UUID:
    """Write down a run whose process was killed when it had come to ``state``."""
    async with get_client() as client:
        return (await client.create_flow_run(unbegun, state=state)).id


async def state_of(run: UUID) -> State[Any]:
    async with get_client() as client:
        state = (await client.read_flow_run(run)).state
    assert state is not None
    return state


async def until_heard(run: UUID) -> None:
    """Give a sign of life in a run's name, and wait until the server knows of it."""
    name = f"prefect.flow-run.{run}"
    emit_event(event=silent.HEARTBEAT, resource={"prefect.resource.id": name})
    deadline = time.monotonic() + _MOST_SECONDS
    async with get_client() as client:
        while not await silent.is_heard(client, run):
            assert time.monotonic() < deadline, "the server does not know of the sign"
            await asyncio.sleep(0.5)


def end_silent_runs() -> int:
    return asyncio.run(silent.end_silent_runs([unbegun.name]))


@pytest.mark.parametrize("state", [Pending(), Pending(name="Submitting"), Running()])
def test_a_run_whose_process_never_gave_a_sign_is_crashed(state: State[Any]) -> None:
    run = asyncio.run(left(state))
    assert end_silent_runs() >= 1
    ended = asyncio.run(state_of(run))
    assert ended.type is StateType.CRASHED
    assert "Run it again" in str(ended.message)


def test_a_run_that_was_to_be_cancelled_when_all_died_is_cancelled() -> None:
    run = asyncio.run(left(Cancelling()))
    assert end_silent_runs() >= 1
    assert asyncio.run(state_of(run)).type is StateType.CANCELLED


@pytest.mark.parametrize("state", [Pending(), Running(), Cancelling()])
def test_a_run_that_may_yet_begin_is_left_alone(state: State[Any]) -> None:
    run = asyncio.run(left(state))
    _young.add(run)
    end_silent_runs()
    assert asyncio.run(state_of(run)).type is state.type


@pytest.mark.parametrize("state", [Paused(timeout_seconds=3_600), Scheduled()])
def test_a_run_that_waits_for_somebody_is_left_alone(state: State[Any]) -> None:
    run = asyncio.run(left(state))
    end_silent_runs()
    assert asyncio.run(state_of(run)).type is state.type


@pytest.mark.parametrize("state", [Running(), Cancelling()])
def test_a_run_that_gives_signs_is_left_alone(state: State[Any]) -> None:
    async def lives() -> UUID:
        run = await left(state)
        await until_heard(run)
        return run

    run = asyncio.run(lives())
    end_silent_runs()
    assert asyncio.run(state_of(run)).type is state.type


def test_a_run_that_is_heard_at_the_second_look_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that was away for minutes hears of the living only when it is back."""
    run = asyncio.run(left(Running()))
    listen = silent.listen

    async def meanwhile() -> None:
        await until_heard(run)
        await listen()

    monkeypatch.setattr(silent, "listen", meanwhile)
    end_silent_runs()
    assert asyncio.run(state_of(run)).type is StateType.RUNNING


def test_a_run_of_somebody_elses_flow_is_left_alone() -> None:
    run = asyncio.run(left(Running()))
    asyncio.run(silent.end_silent_runs(names_of_flows()))
    assert asyncio.run(state_of(run)).is_running()


def test_upkeep_knows_the_flows_of_the_studio() -> None:
    assert {"batch", "upkeep", "upscale-image"} <= set(names_of_flows())
