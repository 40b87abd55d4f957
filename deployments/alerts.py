"""Automations that tell who runs the studio of what went wrong.

They are triggered by Prefect's events and by those of the studio's that are ``studio.``…, and start
the deployment that posts a message: so it is sent through the studio's own channels, in its outbox,
tried again and told once. Prefect's notification blocks would each need an address of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.automations import Automation, EventTrigger, Posture, ResourceSpecification
from prefect.events.actions import RunDeployment

from flows.batch import batch
from flows.batch_again import batch_again
from flows.telling import tell_operators
from tasks.telling import DOWN

PATIENCE = timedelta(minutes=30)
"""For which a batch may wait for somebody's approval before the operator hears of it."""

_ONCE_AN_HOUR = timedelta(hours=1)
_RUNS = ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]})
_WAITS = "prefect.flow-run.Paused"
_FAILED = ("prefect.flow-run.Failed", "prefect.flow-run.Crashed")
_GOES_ON = frozenset(
    f"prefect.flow-run.{state}"
    for state in ("Running", "Completed", "Failed", "Cancelling", "Cancelled", "Crashed")
)


def alerts(deployment: UUID, patience: timedelta = PATIENCE) -> tuple[Automation, ...]:
    """Return the automations.

    Args:
        deployment: of ``flows.telling``.
        patience: for an approval, 10 s or more.
    """
    minutes = f"{patience.total_seconds() / 60:.0f} minutes"
    return (
        _told(
            deployment,
            "Tell of runs that failed",
            "A run failed or crashed.",
            # Not of telling itself: one that always fails would start itself for ever.
            _trigger(set(_FAILED), but=(tell_operators.name,)),
            title="{{ flow.name }} {{ flow_run.state.name | lower }}: {{ flow_run.name }}",
            subject="{{ flow_run.id }}",
            text="{{ flow_run.state.message }}",
            run="{{ flow_run.id }}",
        ),
        _told(
            deployment,
            "Tell of approvals that wait",
            f"A batch has waited for somebody's approval for {minutes}.",
            EventTrigger(
                after={_WAITS},
                expect=set(_GOES_ON),
                match=_RUNS,
                match_related=_flows(batch.name, batch_again.name),
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=patience,
            ),
            title=f"A batch has waited for approval for {minutes}: {{{{ flow_run.name }}}}",
            subject="{{ flow_run.id }}",
            text="Press Resume on the run's page, or `studio batch approve`.",
            run="{{ flow_run.id }}",
        ),
        _told(
            deployment,
            "Tell of budgets",
            "50, 80, 95 or 100 percent of a budget are spent or held.",
            _trigger({"studio.budget.threshold"}, "studio.wallet.*"),
            title="{{ event.payload.owner }}: {{ event.payload.percent }} % of the budget of "
            "{{ event.payload.budget }}",
            subject="{{ event.payload.subject }}",
            told="{{ event.payload.owner }}",
        ),
        _told(
            deployment,
            "Tell of providers that are down",
            "A provider failed so often that it is left alone; told once in an hour.",
            _trigger({DOWN}, "studio.provider.*", within=_ONCE_AN_HOUR),
            title="{{ event.payload.provider }} is down",
            subject="{{ event.resource.id }}",
            text="It is left alone until {{ event.payload.until }}: {{ event.payload.reason }}.",
        ),
        _told(
            deployment,
            "Tell of what upkeep found",
            "Upkeep gave back holds of runs that died, or the books do not agree.",
            _trigger({"studio.holds.expired", "studio.books.disagree"}, "studio.wallet.*"),
            title="Upkeep found something: {{ event.event }} for {{ event.payload.owner }}",
            subject="{{ event.payload.subject }}",
            text="`studio doctor` tells more.",
            told="{{ event.payload.owner }}",
        ),
    )


def _trigger(
    events: set[str],
    resource: str = "prefect.flow-run.*",
    *,
    but: tuple[str, ...] = (),
    within: timedelta = timedelta(0),
) -> EventTrigger:
    """Return a trigger for each such event, but for runs of some flows.

    Args:
        within: for which the same resource is told of once; 0 tells of each event.
    """
    return EventTrigger(
        expect=events,
        match=ResourceSpecification({"prefect.resource.id": [resource]}),
        match_related=_flows(*(f"!{name}" for name in but)) if but else ResourceSpecification({}),
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
        within=within,
    )


def _flows(*names: str) -> ResourceSpecification:
    return ResourceSpecification(
        {"prefect.resource.role": ["flow"], "prefect.resource.name": list(names)}
    )


def _told(
    deployment: UUID, name: str, description: str, trigger: EventTrigger, **words: str
) -> Automation:
    parameters: Mapping[str, Any] = {
        key: {"__prefect_kind": "jinja", "template": text} for key, text in words.items()
    }
    return Automation(
        name=name,
        description=f"{description} The message goes to the operator's channels.",
        trigger=trigger,
        actions=[RunDeployment(deployment_id=deployment, parameters=dict(parameters))],
    )
