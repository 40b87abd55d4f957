"""Occurrences of schedules, as Prefect's runs: whose turn it is, and what was missed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled, Cancelling

from engine.batch_control import ask_for
from engine.schedule_policy import Occurrence, Policy, Turn
from engine.schedules import (
    Kept,
    adopt_schedule,
    claim,
    kept_schedule,
    note_batch,
    open_occurrences,
    settle_missed,
)
from engine.studio import Studio, open_settings, open_studio
from studio.clock import now
from studio.errors import StudioError
from tasks.rhythms import past_times, plain
from tasks.waking import wait_until

MADE_UP = "occurrence"
"""What the keys of the runs begin with that make up for an occurrence; see ``made_up_key``."""

_SHORTEST, _LONGEST = timedelta(seconds=20), timedelta(minutes=5)
"""Between two looks at whether it is a waiting run's turn: the longer, the longer it waits."""

_LATE = "nobody began it in time, as `studio up` or its workers were down or busy"


@dataclass(frozen=True, slots=True)
class Planned:
    """For when a run was planned.

    Attributes:
        due: when it was to begin, in UTC.
        zone: the IANA time zone of its day and hour.
        key: the schedule that asked for it; empty if somebody did so by hand.
    """

    due: datetime
    zone: str = "UTC"
    key: str = ""

    @property
    def day(self) -> str:
        """What ``{date}`` stands for."""
        return self._wall.date().isoformat()

    @property
    def time(self) -> str:
        """What ``{time}`` stands for."""
        return f"{self._wall:%H:%M}"

    @property
    def _wall(self) -> datetime:
        return self.due.astimezone(ZoneInfo(self.zone))


def made_up_key(key: str, due: datetime) -> str:
    """Return the key under which Prefect makes a run for an occurrence once."""
    return f"{MADE_UP} {key} {due.isoformat()}"


def schedule_key(each: DeploymentSchedule) -> str:
    """Return the key of a schedule: its slug, which is its id if it was given none."""
    return each.slug or str(each.id)


def owner_of(each: DeploymentSchedule) -> str:
    """Return whose it is: who pays, which the slug still tells once its parameters are gone."""
    pays = str(each.parameters.get("owner", ""))
    return pays or (each.slug or "").rpartition(".")[0] or open_settings().owner


def keep_of(each: DeploymentSchedule) -> Kept:
    """Return a schedule as the studio keeps it that nobody gave a policy."""
    owner, key = owner_of(each), schedule_key(each)
    zone = getattr(each.schedule, "timezone", None) or "UTC"
    return Kept(key, owner, key.removeprefix(f"{owner}."), zone, each.parameters, Policy(), now())


async def take_turn(*, tell: bool = True) -> Planned | State[Any]:
    """Say that this run does what it is planned for; wait, if others of its schedule are first.

    Args:
        tell: whether its owner is told of what is left out.

    Returns:
        For when it is planned; or a state to end in, as the occurrence is another's, was missed,
        or is left out by its schedule's policy.

    Raises:
        Pause: it waits for its turn, and begins anew then.
    """
    planned: datetime | None = flow_run.scheduled_start_time
    due = plain(planned or now())
    if not deployment.id:
        return Planned(due)
    studio = await asyncio.to_thread(open_studio)
    async with get_client() as client:
        run = await client.read_flow_run(UUID(str(flow_run.id)))
        found, key = await _schedule_of(client, run)
        if not key:
            return Planned(due)
        kept = await asyncio.to_thread(_kept, studio, key, found)
        if found is not None and found.active:
            await look_back(studio, kept, found, tell=tell)
        turn = await _claim(studio, client, kept, due, str(run.id), tell=tell)
        for each in turn.cancel:
            await _make_room(studio, client, kept.owner, each)
    if turn.verdict == "go":
        return Planned(due, kept.zone, key)
    if turn.verdict == "wait":
        pause = min(max((now() - due) / 4, _SHORTEST), _LONGEST)
        await wait_until(now() + pause, "AwaitingTurn", f"It waits for its turn: {turn.why}.")
    get_run_logger().warning("left out: %s", turn.why)
    return Cancelled(name="Skipped", message=f"Left out: {turn.why}. Nothing was bought.")


def note_planned_batch(studio: Studio, planned: Planned, batch: str) -> None:
    """Note which batch an occurrence's run does, so that a later one can cancel it."""
    if planned.key:
        studio.database.write(lambda c: note_batch(c, planned.key, planned.due, batch))


async def look_back(
    studio: Studio,
    kept: Kept,
    found: DeploymentSchedule,
    *,
    until: datetime | None = None,
    reason: str = _LATE,
    tell: bool = True,
) -> tuple[datetime, ...]:
    """Decide about the moments of a schedule that have passed; return those to be made up for.

    Args:
        until: up to when; as long ago as an occurrence may be late, if not given.
        reason: why they were missed.
        tell: whether its owner is told.
    """
    end = until or now() - kept.policy.grace
    # What was due before somebody changed or resumed the schedule is not missed.
    start = max(kept.seen_at, plain(found.updated or kept.seen_at))
    rhythm: Any = found.schedule
    dues: Sequence[datetime] = await asyncio.to_thread(past_times, rhythm, start, end)
    work = partial(settle_missed, key=kept.key, dues=dues, until=end, reason=reason, tell=tell)
    return await asyncio.to_thread(studio.database.write, work)


async def _schedule_of(
    client: PrefectClient, run: FlowRun
) -> tuple[DeploymentSchedule | None, str]:
    """Return the schedule that asked for a run, if it is still there, and its key."""
    there = await client.read_deployment_schedules(run.deployment_id) if run.deployment_id else []
    told = run.idempotency_key or ""
    if told.startswith(f"{MADE_UP} "):
        key = told.removeprefix(f"{MADE_UP} ").rpartition(" ")[0]
        return next((each for each in there if schedule_key(each) == key), None), key
    by = run.created_by
    if by is None or by.type != "SCHEDULE":
        return None, ""
    found = next((each for each in there if each.id == by.id), None)
    return found, schedule_key(found) if found else str(by.id)


def _kept(studio: Studio, key: str, found: DeploymentSchedule | None) -> Kept:
    """Return a schedule as it is kept; one that was added on Prefect's pages is from now on."""
    new = (
        keep_of(found)
        if found
        else Kept(key, open_settings().owner, key, "UTC", {}, Policy(), now())
    )
    with studio.database.read() as connection:
        kept = kept_schedule(connection, key)
    if kept is None:
        studio.database.write(lambda connection: adopt_schedule(connection, new))
    return kept or new


async def _claim(
    studio: Studio, client: PrefectClient, kept: Kept, due: datetime, run: str, *, tell: bool
) -> Turn:
    with studio.database.read() as connection:
        others = open_occurrences(connection, kept.key)
    over = [each.run for each in others if each.run and await _is_over(client, each.run)]
    work = partial(claim, key=kept.key, due=due, run=run, over=over, tell=tell)
    return await asyncio.to_thread(studio.database.write, work)


async def _is_over(client: PrefectClient, run: str) -> bool:
    try:
        found = await client.read_flow_run(UUID(run))
    except ObjectNotFound:
        return True
    return found.state is not None and found.state.is_final()


async def _make_room(studio: Studio, client: PrefectClient, owner: str, other: Occurrence) -> None:
    """Let an older occurrence end: its rows under way are finished, and no other begins."""
    if not other.run:
        return
    if other.batch:
        wish = partial(
            ask_for,
            owner=owner,
            batch=other.batch,
            verb="cancel",
            user="",
            worker=studio.worker,
            lasts=timedelta(minutes=studio.settings.hold_minutes),
        )
        try:
            await asyncio.to_thread(studio.database.write, wish)
        except StudioError as error:
            get_run_logger().info("%s", error)
        else:
            return
    # It has not begun, or waits: nothing of it is under way.
    try:
        run = await client.read_flow_run(UUID(other.run))
    except ObjectNotFound:
        return
    if run.state is not None and not run.state.is_final():
        words = "A newer run of its schedule takes its place."
        end: State[Any] = (Cancelled if run.state.is_scheduled() else Cancelling)(message=words)
        await client.set_flow_run_state(run.id, end)
