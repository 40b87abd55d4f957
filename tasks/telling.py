"""What Prefect's automations and the studio tell each other: events one way, messages the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from prefect import task
from prefect.events import emit_event
from prefect.runtime import flow_run

from engine.outbox import Message, Waiting, post_once
from engine.studio import Studio, open_studio
from studio.clock import now

SHOWN = frozenset(
    {"budget.threshold", "balance.low", "holds.expired", "books.disagree", "schedule.missed"}
)
"""Messages that are events of Prefect's as well, called ``studio.`` and so; others are of no use to
automations, and there is one for each picture."""

DOWN = "studio.provider.down"
"""The event of a provider that failed so often that it is left alone."""


@task(name="tell-operator", persist_result=False)
async def tell_operator(title: str, subject: str, text: str, run: str, told: str) -> bool:
    """Post a message for who runs the studio; ``False`` if they were told, in this hour."""
    studio = await asyncio.to_thread(open_studio)
    operator = studio.settings.owner
    if told == operator:
        return False
    payload = {"title": title, "text": text, "run": run}
    message = Message(operator, "operations.alert", f"{subject}/{now():%Y-%m-%dT%H}", payload)
    posted = await asyncio.to_thread(
        studio.database.write, lambda connection: post_once(connection, [message])
    )
    return bool(posted)


def show(told: Sequence[Waiting]) -> None:
    """Emit messages as Prefect's events, for automations; whatever becomes of it, work goes on."""
    for each in told:
        message = each.message
        if message.event not in SHOWN:
            continue
        with contextlib.suppress(Exception):
            emit_event(
                f"studio.{message.event}",
                resource={
                    "prefect.resource.id": f"studio.wallet.{message.owner}",
                    "prefect.resource.name": message.owner,
                },
                related=_this_run(),
                payload={**message.payload, "owner": message.owner, "subject": message.subject},
                # The same message is the same event.
                id=uuid5(NAMESPACE_URL, f"studio:{each.id}"),
            )


def show_providers(studio: Studio) -> None:
    """Emit an event for each provider that is left alone, since it failed again and again."""
    for provider in studio.providers.values():
        with contextlib.suppress(Exception):
            found = studio.pacer.broken(provider.account) if provider.account else None
            if found is None:
                continue
            until, reason = found
            emit_event(
                DOWN,
                resource={
                    "prefect.resource.id": f"studio.provider.{provider.name}",
                    "prefect.resource.name": provider.name,
                },
                related=_this_run(),
                payload={"provider": provider.name, "until": until.isoformat(), "reason": reason},
                id=uuid5(NAMESPACE_URL, f"studio:{provider.account}:{until.isoformat()}"),
            )


def _this_run() -> list[dict[str, str]]:
    if not flow_run.id:
        return []
    run = f"prefect.flow-run.{flow_run.id}"
    return [{"prefect.resource.id": run, "prefect.resource.role": "flow-run"}]
