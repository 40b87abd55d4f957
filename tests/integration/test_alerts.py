"""The automations that tell the operator: each fires once, with words that say what happened."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Crashed, Failed, Paused, Running
from prefect.types.entrypoint import EntrypointType
from pydantic import SecretStr

from deployments.alerts import alerts
from deployments.automations import register_automations
from engine.outbox import Message, Waiting
from engine.studio import use_studio
from flows.batch import batch
from flows.telling import tell_operators
from tasks.telling import DOWN, show
from tests.integration.test_automations import forget
from tests.integration.test_notify import listening
from tests.support.studios import OWNER, opened_studio

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.timeout(600)]

_MOST_SECONDS = 120
_SETTLED_SECONDS = 5
"""In which one too many would have come: the others come within one."""


@flow(name="some-work")
async def some_work() -> None:
    """Be a flow whose runs are only ever written down here."""


async def _deployed() -> UUID:
    made = await tell_operators.ato_deployment(
        "Tell operators", entrypoint_type=EntrypointType.MODULE_PATH
    )
    return UUID(str(await made.aapply()))


async def _everything_happens() -> dict[str, str]:
    """Have each thing happen that is to be told; return the ids of the runs it happened to."""
    ids: dict[str, str] = {}
    async with get_client() as client:
        ends: dict[str, State[Any]] = {"failed": Failed(message="no paper"), "crashed": Crashed()}
        for name, state in ends.items():
            run = await client.create_flow_run(some_work, state=Running(), name=name)
            await client.set_flow_run_state(run.id, state, force=True)
            ids[name] = str(run.id)
        # Its own failures are not told, or it would start itself for ever.
        own = await client.create_flow_run(tell_operators, state=Running(), parameters={})
        await client.set_flow_run_state(own.id, Failed(), force=True)
        for name in ("waits", "goes on"):
            run = await client.create_flow_run(batch, state=Running(), name=name)
            await client.set_flow_run_state(run.id, Paused(timeout_seconds=600), force=True)
            ids[name] = str(run.id)
        await client.set_flow_run_state(UUID(ids["goes on"]), Running(), force=True)
    budget = {"percent": 80, "budget": "March", "spent": 8, "amount": 10, "refused": False}
    told = [
        Waiting("msg_1", Message("acme", "budget.threshold", "b/80", budget)),
        Waiting("msg_2", Message("acme", "holds.expired", "hold_1", {"holds": 1})),
        # Not of interest to automations: there is one for each picture.
        Waiting("msg_3", Message("acme", "picture.ready", "ast_1", {})),
    ]
    show(told)
    # The same again, as when a process dies in between.
    show(told)
    for _ in range(3):
        emit_event(
            DOWN,
            resource={"prefect.resource.id": "studio.provider.stability"},
            payload={"provider": "stability", "until": "noon", "reason": "it failed 5 times"},
            id=uuid4(),
        )
    return ids


async def _started(deployment: UUID, number: int) -> list[Mapping[str, Any]]:
    mine = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    deadline = time.monotonic() + _MOST_SECONDS
    async with get_client() as client:
        while len(found := await client.read_flow_runs(flow_run_filter=mine)) < number:
            assert time.monotonic() < deadline, [each.parameters for each in found]
            await asyncio.sleep(0.5)
        await asyncio.sleep(_SETTLED_SECONDS)
        found = await client.read_flow_runs(flow_run_filter=mine)
    return [each.parameters for each in found]


def test_each_fires_once() -> None:
    async def tried() -> None:
        deployment = await _deployed()
        await register_automations(alerts(deployment, patience=timedelta(seconds=10)))
        try:
            # The server looks for new automations every few seconds.
            await asyncio.sleep(_SETTLED_SECONDS)
            ids = await _everything_happens()
            started = await _started(deployment, 6)
        finally:
            await forget()
        assert sorted(each["title"] for each in started) == [
            "A batch has waited for approval for 0 minutes: waits",
            "Upkeep found something: studio.holds.expired for acme",
            "acme: 80 % of the budget of March",
            "some-work crashed: crashed",
            "some-work failed: failed",
            "stability is down",
        ]
        by_title = {each["title"].split(":")[0]: each for each in started}
        assert by_title["some-work failed"]["text"] == "no paper"
        assert by_title["some-work failed"]["run"] == ids["failed"]
        assert by_title["A batch has waited for approval for 0 minutes"]["run"] == ids["waits"]
        assert by_title["acme"]["told"] == "acme"
        assert "left alone until noon" in by_title["stability is down"]["text"]
        assert Counter(each["subject"] for each in started)["studio.provider.stability"] == 1

    asyncio.run(tried())


def test_the_operator_is_told_once_in_an_hour(tmp_path: Path) -> None:
    async def tell(**parameters: str) -> str:
        call: Any = tell_operators
        state = await call(**parameters, return_state=True)
        return str(state.message)

    with listening() as (port, told):
        channel = SecretStr(f"json://127.0.0.1:{port}/")
        with opened_studio(tmp_path, notify_urls=(channel,)) as studio:
            use_studio(studio)
            try:
                said = [
                    asyncio.run(tell(title="It is down", subject="a", text="Since noon.")),
                    asyncio.run(tell(title="It is down", subject="a", text="Since noon.")),
                    # A wallet's own message was told to its owner, who is the operator.
                    asyncio.run(tell(title="A budget", subject="b", told=OWNER)),
                    asyncio.run(tell(title="A budget", subject="c", told="acme")),
                ]
            finally:
                use_studio(None)
    assert said == ["told", "it was told already", "it was told already", "told"]
    assert [each["title"] for each in told] == ["It is down", "A budget"]
    assert "Since noon." in told[0]["message"]
