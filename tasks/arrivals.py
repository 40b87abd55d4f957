"""The task that tags what arrived."""

from __future__ import annotations

import asyncio

from prefect import task
from prefect.runtime import flow_run

from engine import autotag
from engine.autotag import Tagged
from engine.studio import open_studio


@task(name="tag-arrivals", persist_result=False)
async def tag_all() -> Tagged:
    """Tag what arrived for every owner who wishes it: planned, held for and settled one by one."""
    studio = await asyncio.to_thread(open_studio)
    run = f"{flow_run.id}/{flow_run.run_count}"
    return await asyncio.to_thread(autotag.tag_arrivals, studio, run)
