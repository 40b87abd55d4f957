"""Pre-flight: every flow begins with it, and nothing is bought before it has held the credits."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from engine.execute import Order
from engine.single import hold_credits, hold_key, order_of, plan_one
from engine.studio import open_studio
from studio import credits as money
from studio.errors import StudioError
from studio.operations import Operation
from tasks.artifacts import quote_markdown
from tasks.states import refused


@task(name="preflight", persist_result=False)
async def preflight(operation: Operation, owner: str) -> Order | State[Any]:
    """Check the inputs, quote, show the quote, and hold what it comes to.

    Returns:
        The order to carry out, or a failed state that says why nothing may be bought.
    """
    studio = await asyncio.to_thread(open_studio)
    run = str(flow_run.id)
    try:
        planned = await asyncio.to_thread(plan_one, studio, operation, owner, run)
        await acreate_markdown_artifact(quote_markdown(planned.quote), key="quote")
        held = await asyncio.to_thread(
            hold_credits,
            studio,
            owner,
            hold_key(run, flow_run.run_count),
            planned.quote.total,
            operation.title,
        )
    except StudioError as error:
        return refused(error)
    get_run_logger().info(
        "%s credits held for %s: %s", money.show(held.amount), owner, planned.plan.first.reason
    )
    return order_of(planned, owner=owner, key=run, hold_id=held.id, run=run)
