"""The task of a watched folder: it takes files that are complete, and puts away what has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from prefect import get_run_logger, task
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from engine.incoming import Folder, Found, Incoming, note_end, note_run, take, under_way
from engine.preflight import check_identity
from engine.studio import Studio, open_studio
from studio.errors import InvalidRequest, SetupIncomplete, StudioError
from tasks.named import BATCH


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a folder came to: how many files were taken, and how many have ended."""

    taken: int
    done: int
    failed: int


@task(name="look", task_run_name="look at {folder}", persist_result=False)
async def look_at(
    folder: str, pattern: str, settle: timedelta, owner: str, parameters: Mapping[str, Any]
) -> Looked:
    """Take the files of a folder that are complete, once each, and begin a batch for each.

    Files whose batch has ended are moved to its folders ``done`` and ``failed``. It buys nothing
    itself: each batch passes its own pre-flight.

    Args:
        pattern: of the files' names.
        settle: for how long nobody must have written to a file.
        owner: who pays.
        parameters: of the flow ``batch``, but for its file and its owner.

    Raises:
        StudioError: the folder cannot be used, or the user may not spend for the owner.
    """
    studio = await asyncio.to_thread(open_studio)
    user = str(parameters.get("user", ""))
    await asyncio.to_thread(check_identity, studio.database, owner, user, "spend")
    watched = Folder(folder)
    async with get_client() as client:
        try:
            batches = (await client.read_deployment_by_name(BATCH.path)).id
        except ObjectNotFound:
            raise SetupIncomplete("Prefect does not know the deployment of batches.") from None
        begin = partial(_begin, studio, client, batches, parameters)
        with studio.database.read() as connection:
            mine = under_way(connection, owner, watched.url)
        ended = [await _end(studio, client, watched, it) for it in mine if it.run]
        for it in mine:
            if not it.run:
                # Whoever took it was gone before its batch was asked for.
                await begin(it)
        busy = frozenset(it.name for it in mine)
        taken = 0
        for found in await asyncio.to_thread(watched.look, pattern, settle, busy):
            fresh = await asyncio.to_thread(_take, studio, watched, owner, found)
            if fresh is not None:
                await begin(fresh)
                taken += 1
    return Looked(taken, ended.count("done"), ended.count("failed"))


def _take(studio: Studio, watched: Folder, owner: str, found: Found) -> Incoming | None:
    """Keep a file's bytes and take it; ``None`` if it is another's, or not complete."""
    try:
        data = watched.read(found)
    except InvalidRequest as error:
        get_run_logger().error("%s", error)
        it = studio.database.write(lambda c: take(c, owner, watched.url, found, ""))
        if it is not None:
            studio.database.write(lambda c: note_end(c, it, "failed"))
            watched.put_away(it, "failed")
        return None
    if data is None:
        return None
    digest = studio.store.put(data)
    return studio.database.write(lambda c: take(c, owner, watched.url, found, digest))


async def _begin(
    studio: Studio,
    client: PrefectClient,
    batches: UUID,
    parameters: Mapping[str, Any],
    it: Incoming,
) -> None:
    run = await client.create_flow_run_from_deployment(
        batches,
        parameters={**parameters, "owner": it.owner, "csv": it.id},
        # Prefect makes one run of it, also where the next line is never reached.
        idempotency_key=f"incoming {it.id}",
    )
    await asyncio.to_thread(studio.database.write, lambda c: note_run(c, it, str(run.id)))
    get_run_logger().info("%s: batch run %s", it.name, run.name)


async def _end(studio: Studio, client: PrefectClient, watched: Folder, it: Incoming) -> str:
    """Put a file away whose run has ended; return how it ended, or nothing."""
    try:
        state = (await client.read_flow_run(UUID(it.run))).state
    except ObjectNotFound:
        state = None
    if state is not None and not state.is_final():
        return ""
    where = "done" if state is not None and state.is_completed() else "failed"
    try:
        if not await asyncio.to_thread(watched.put_away, it, where):
            get_run_logger().warning("%s is not there any more, or is another by now", it.name)
    except StudioError as error:
        # It is remembered all the same, and not done again.
        get_run_logger().error("%s", error)
    await asyncio.to_thread(studio.database.write, lambda c: note_end(c, it, where))
    log = get_run_logger().info if where == "done" else get_run_logger().warning
    log("%s: %s (%s)", it.name, where, state.message if state else "its run is gone")
    return where
