"""Schedules of batches: Prefect's own, of the key's workspace alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from engine.schedule_policy import MOST_BOUND, Missed, Overlap
from engine.schedule_policy import Policy as Kept
from engine.studio import Studio
from interfaces.api.answers import Answer
from interfaces.api.batch_requests import BatchRequest
from interfaces.api.identity import Batcher, Reader, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.prefect_runs import answering
from interfaces.api.schema import refuses

router = APIRouter(route_class=KeyFirst, tags=["schedules"], prefix="/schedules")

Result = TypeVar("Result")

_Name = Annotated[
    str,
    Path(max_length=60, description="A schedule's name: 1 to 40 of a-z, 0-9, _ and -."),
]


class PolicyRequest(BaseModel):
    """What is done about runs that overlap, or that nobody began in time."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"overlap": "skip", "missed": "once"}}
    )

    overlap: Overlap = Field(
        default="queue",
        description="When one is due while another is under way: skip leaves it out, queue lets it "
        "wait, cancel lets the older one end after the rows that it has begun.",
    )
    missed: Missed = Field(
        default="once", description="Of those that were missed: none, the newest, or all to bound."
    )
    bound: int = Field(
        default=10, ge=1, le=MOST_BOUND, description="How many are made up for, and wait, at most."
    )
    grace: str = Field(
        default="15m",
        max_length=10,
        description="How late one may begin and be in time: a number and m, h or d, up to 7d.",
    )


class ScheduleRequest(Answer):
    """When a batch shall run by itself, and which.

    `{date}` and `{time}` in the batch's name, its defaults and its prompts are those for which a
    run was planned, in the schedule's zone.
    """

    cron: str = Field(
        default="", max_length=100, description="Five fields.", examples=["0 2 * * 1-5"]
    )
    every: str = Field(
        default="", max_length=10, description="A number and m, h or d.", examples=["6h"]
    )
    rrule: str = Field(default="", max_length=500, description="A rule of RFC 5545.")
    zone: str = Field(default="UTC", max_length=60, description="An IANA time zone.")
    policy: PolicyRequest = Field(default_factory=PolicyRequest)
    batch: BatchRequest


class Policy(Answer):
    """What is done about runs that overlap, or that nobody began in time."""

    overlap: Overlap
    missed: Missed
    bound: int
    grace_seconds: int


class Schedule(Answer):
    """A batch that runs by itself."""

    name: str
    when: str
    zone: str
    active: bool
    upcoming: list[datetime] = Field(description="The next three moments; none if it is paused.")
    file: str
    batch_name: str
    operation: str
    window: str
    user: str
    policy: Policy


class Schedules(Answer):
    """The workspace's schedules."""

    schedules: list[Schedule]


def _asked(work: Callable[[Any], Result]) -> Result:
    """Call ``work`` with the module of schedules; that Prefect does not answer is told as such."""
    from deployments import schedules  # noqa: PLC0415 - Prefect is heavy

    with answering():
        return work(schedules)


def _answer(studio: Studio, found: Any) -> Schedule:
    parameters = found.parameters
    policy = _asked(lambda module: module.policy_of(studio.database, found))
    return Schedule(
        name=found.name,
        when=found.when,
        zone=found.zone,
        active=found.active,
        upcoming=list(found.upcoming),
        file=str(parameters.get("csv") or parameters.get("folder", "")).partition("?")[0],
        batch_name=str(parameters.get("name", "")),
        operation=str(parameters.get("operation", "")),
        window=str(parameters.get("window", "")),
        user=str(parameters.get("user", "")),
        policy=Policy(
            overlap=policy.overlap,
            missed=policy.missed,
            bound=policy.bound,
            grace_seconds=int(policy.grace.total_seconds()),
        ),
    )


@router.get("", operation_id="list_schedules", summary="List schedules", responses=refuses(501))
def list_all(who: Reader, studio: StudioHere) -> Schedules:
    """List the workspace's schedules by name."""
    found = _asked(lambda module: module.schedules_of(who.owner))
    return Schedules(schedules=[_answer(studio, each) for each in found])


@router.get(
    "/{name}",
    operation_id="get_schedule",
    summary="Show a schedule",
    responses=refuses(404, 501),
)
def show(who: Reader, studio: StudioHere, name: _Name) -> Schedule:
    """Show a schedule: when, what, and its next three moments."""
    return _answer(studio, _asked(lambda module: module.find_schedule(who.owner, name)))


@router.post(
    "/{name}",
    operation_id="add_schedule",
    summary="Let a batch run by itself",
    status_code=HTTPStatus.CREATED,
    responses=refuses(409, 501),
)
def add(who: Batcher, studio: StudioHere, name: _Name, wanted: ScheduleRequest) -> Schedule:
    """Let a batch run by itself: say when by one of cron, every and rrule."""

    def work(module: Any) -> Any:
        rhythm = module.read_rhythm(wanted.cron, wanted.every, wanted.rrule, wanted.zone)
        values = {**wanted.batch.values(), "user": who.user}
        asked = wanted.policy.model_dump()
        policy = Kept(**asked | {"grace": module.read_interval(asked["grace"], "grace")})
        return module.add_schedule(studio.database, who.owner, name, rhythm, values, policy=policy)

    return _answer(studio, _asked(work))


@router.post(
    "/{name}/{verb}",
    operation_id="set_schedule",
    summary="Pause or resume a schedule",
    responses=refuses(404, 501),
)
def set_active(
    who: Batcher, studio: StudioHere, name: _Name, verb: Literal["pause", "resume"]
) -> Schedule:
    """Let a schedule fire no more, or again from now on."""
    active = verb == "resume"
    return _answer(
        studio,
        _asked(lambda module: module.set_active(studio.database, who.owner, name, active=active)),
    )


@router.delete(
    "/{name}",
    operation_id="remove_schedule",
    summary="Remove a schedule",
    responses=refuses(404, 501),
)
def remove(who: Batcher, studio: StudioHere, name: _Name) -> Schedule:
    """Remove a schedule and return what it was; what is under way goes on."""
    found = _asked(lambda module: module.find_schedule(who.owner, name))
    told = _answer(studio, found)
    _asked(lambda module: module.remove_schedule(studio.database, who.owner, name))
    return told
