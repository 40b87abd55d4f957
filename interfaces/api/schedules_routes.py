"""Schedules of batches: Prefect's own, of the key's workspace alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Path
from pydantic import Field

from interfaces.api.answers import Answer
from interfaces.api.batch_answers import BatchRequest
from interfaces.api.identity import Batcher, Reader, StudioHere
from interfaces.api.prefect_runs import answering
from interfaces.api.schema import refuses

router = APIRouter(tags=["schedules"], prefix="/schedules")

Result = TypeVar("Result")

_Name = Annotated[
    str,
    Path(max_length=60, description="A schedule's name: 1 to 40 of a-z, 0-9, _ and -."),
]


class ScheduleRequest(Answer):
    """When a batch shall run by itself, and which."""

    cron: str = Field(
        default="", max_length=100, description="Five fields.", examples=["0 2 * * 1-5"]
    )
    every: str = Field(
        default="", max_length=10, description="A number and m, h or d.", examples=["6h"]
    )
    rrule: str = Field(default="", max_length=500, description="A rule of RFC 5545.")
    zone: str = Field(default="UTC", max_length=60, description="An IANA time zone.")
    batch: BatchRequest


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
    user: str


class Schedules(Answer):
    """The workspace's schedules."""

    schedules: list[Schedule]


def _asked(work: Callable[[Any], Result]) -> Result:
    """Call ``work`` with the module of schedules; that Prefect does not answer is told as such."""
    from deployments import schedules  # noqa: PLC0415 - Prefect is heavy

    with answering():
        return work(schedules)


def _answer(found: Any) -> Schedule:
    parameters = found.parameters
    return Schedule(
        name=found.name,
        when=found.when,
        zone=found.zone,
        active=found.active,
        upcoming=list(found.upcoming),
        file=str(parameters.get("csv") or parameters.get("folder", "")).partition("?")[0],
        batch_name=str(parameters.get("name", "")),
        operation=str(parameters.get("operation", "")),
        user=str(parameters.get("user", "")),
    )


@router.get("", operation_id="list_schedules", summary="List schedules", responses=refuses(501))
def list_all(who: Reader) -> Schedules:
    """List the workspace's schedules by name."""
    found = _asked(lambda module: module.schedules_of(who.owner))
    return Schedules(schedules=[_answer(each) for each in found])


@router.get(
    "/{name}",
    operation_id="get_schedule",
    summary="Show a schedule",
    responses=refuses(404, 501),
)
def show(who: Reader, name: _Name) -> Schedule:
    """Show a schedule: when, what, and its next three moments."""
    return _answer(_asked(lambda module: module.find_schedule(who.owner, name)))


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
        return module.add_schedule(studio.database, who.owner, name, rhythm, values)

    return _answer(_asked(work))


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
        _asked(lambda module: module.set_active(studio.database, who.owner, name, active=active))
    )


@router.delete(
    "/{name}",
    operation_id="remove_schedule",
    summary="Remove a schedule",
    responses=refuses(404, 501),
)
def remove(who: Batcher, studio: StudioHere, name: _Name) -> Schedule:
    """Remove a schedule and return what it was; what is under way goes on."""
    return _answer(_asked(lambda module: module.remove_schedule(studio.database, who.owner, name)))
