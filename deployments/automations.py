"""Automations: what the Prefect server does by itself when a run's process is gone.

A process that is killed can report nothing. Prefect's server takes its run for running for ever,
which keeps a place of the deployment and lets people wait; the open-source server does not ship
what ends it (Prefect's docs, "Detect zombie flows").
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prefect.automations import Automation, EventTrigger, Posture, ResourceSpecification
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment

from flows.upkeep import upkeep
from tasks.waking import STATES

SILENCE = timedelta(seconds=90)
"""Three heartbeats of the profile's 30 s: one may be late on a busy machine, three are not."""

_HEARTBEAT = "prefect.flow-run.heartbeat"
_SIGNS = frozenset(
    {
        _HEARTBEAT,
        # After these a run has no process that could give a sign, or another one does it.
        *(
            f"prefect.flow-run.{state}"
            for state in (
                *("Completed", "Failed", "Cancelled", "Crashed"),
                *("Paused", "Suspended", "Scheduled", "AwaitingRetry", "TimedOut"),
                *STATES,
            )
        ),
    }
)
_ANY_RUN = ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]})


def automations(upkeep_deployment: UUID, silence: timedelta = SILENCE) -> tuple[Automation, ...]:
    """Return the automations of a studio.

    Args:
        upkeep_deployment: the deployment that puts in order what a dead run left behind.
        silence: after which a run counts as dead, 10 s or more.
    """
    seconds = f"{silence.total_seconds():.0f} seconds"
    return (
        Automation(
            name="End runs that went silent",
            description=f"A run whose process gives no sign for {seconds} is set to Crashed. What "
            "it bought is kept; run it again to do only what is missing.",
            trigger=EventTrigger(
                after={_HEARTBEAT},
                expect=set(_SIGNS),
                match=_ANY_RUN,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=silence,
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    message=f"Its process gave no sign for {seconds}: killed, or its machine is "
                    "gone. What it bought is kept. Run it again to do only what is missing.",
                )
            ],
        ),
        Automation(
            name="Put in order what a crashed run left",
            description="Starts Upkeep at once, instead of at the next turn of its schedule: it "
            "collects and files what was bought. What else was set aside comes back when the hold "
            "is over, STUDIO_HOLD_MINUTES (120, if not set) after it was placed.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Crashed"},
                match=_ANY_RUN,
                # Not for upkeep itself: one that always crashes would start itself for ever.
                match_related=ResourceSpecification(
                    {
                        "prefect.resource.role": ["flow"],
                        "prefect.resource.name": [f"!{upkeep.name}"],
                    }
                ),
                posture=Posture.Reactive,
                threshold=1,
                within=timedelta(0),
            ),
            actions=[RunDeployment(deployment_id=upkeep_deployment)],
        ),
    )


async def register_automations(wanted: Sequence[Automation]) -> None:
    """Make the server's automations of these names be as they are written here.

    Whether one is switched on stays as somebody set it in Prefect's pages.
    """
    async with get_client() as client:
        for each in wanted:
            found = await client.read_automations_by_name(each.name)
            if not found:
                await each.acreate()
                continue
            each.id, each.enabled = found[0].id, found[0].enabled
            await each.aupdate()
            for copy in found[1:]:
                await client.delete_automation(copy.id)
