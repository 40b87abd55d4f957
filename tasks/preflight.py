"""Pre-flight: every flow begins with it, and nothing is bought before it has held the credits."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from engine.execute import Order
from engine.preflight import ANYBODY, Caller
from engine.single import (
    Planned,
    hold_credits,
    hold_key,
    left_to_buy,
    orders_of,
    plan_one,
    release_run,
)
from engine.studio import open_studio
from studio import credits as money
from studio.errors import StudioError
from studio.operations import Operation
from tasks.artifacts import quote_markdown, show_quote
from tasks.states import refused


@task(name="preflight", task_run_name="preflight", persist_result=False)
async def preflight(
    operation: Operation,
    owner: str,
    token: str = "",
    caller: Caller = ANYBODY,
    version_of: str = "",
) -> tuple[Order, ...] | State[Any]:
    """Check the inputs, quote, show the quote, and hold what it comes to.

    Args:
        operation: what is asked.
        owner: whose wallet pays.
        token: a signed quote, whose price is kept.
        caller: who asks, for which project, and for how much at most.
        version_of: the asset whose request is run again; empty for none.

    Returns:
        The orders to carry out (one for each variation), or a failed state that says why nothing
        may be bought.
    """
    studio = await asyncio.to_thread(open_studio)
    run = str(flow_run.id)
    try:
        if flow_run.run_count > 1:
            # The attempt before may be gone without having let go of what it held.
            await asyncio.to_thread(release_run, studio, owner, run)
        planned = await asyncio.to_thread(
            plan_one,
            studio,
            operation,
            owner,
            run,
            token=token,
            user=caller.user,
            version_of=version_of,
        )
        left, uses = await asyncio.to_thread(left_to_buy, studio, planned, owner, run)
        chosen = planned.plan.first
        words = quote_markdown(
            planned.quote,
            wallet=owner,
            titles=_titles(planned),
            notes=[
                *_prompt(planned),
                f"{chosen.offer.id}: {chosen.reason}.",
                *_promise(planned),
                *_rest(planned, left),
            ],
            losses=planned.losses,
        )
        page = await show_quote(words, planned.quote.total, operation.title)
        get_run_logger().info("quote: %s credits %s", money.show(planned.quote.total), page)
        held = await asyncio.to_thread(
            hold_credits,
            studio,
            owner,
            hold_key(run, flow_run.run_count),
            left,
            operation.title,
            caller=caller,
            uses=uses,
        )
    except StudioError as error:
        return refused(error)
    get_run_logger().info(
        "%s credits of wallet %s held; %s does it", money.show(held.amount), owner, chosen.offer.id
    )
    return orders_of(planned, owner=owner, key=run, hold_id=held.id, run=run)


def _titles(planned: Planned) -> dict[str, str]:
    """Return what each line of the quote is for."""
    wanted = (*((planned.prompt,) if planned.prompt else ()), *planned.plans)
    return {
        line.key: plan.operation.title
        for line, plan in zip(planned.quote.lines, wanted, strict=True)
    }


def _prompt(planned: Planned) -> list[str]:
    """Say who writes the prompt, if somebody does."""
    if planned.prompt is None:
        return []
    chosen = planned.prompt.first
    return [f"The prompt is enhanced first. {chosen.offer.id}: {chosen.reason}."]


def _rest(planned: Planned, left: int) -> list[str]:
    """Say what is left of it, where an attempt of this run before has begun it."""
    if left == planned.quote.total:
        return []
    return [f"{money.show(left)} credits of it are left to buy; the rest was begun before."]


def _promise(planned: Planned) -> list[str]:
    """Say whose prices these are, where they were promised."""
    until = planned.quote.expires_at
    if not planned.promise:
        return []
    return [f"The price was promised by quote {planned.promise}, until {until:%Y-%m-%d %H:%M} UTC."]
