"""Runs over the API: listed, looked at, cancelled."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.run_answers import Run, Runlist, run_answer, runs_of
from interfaces.api.runs import LARGEST_PAGE
from interfaces.api.schema import refuses

router = APIRouter(route_class=KeyFirst, tags=["runs"], prefix="/runs")

RunId = Annotated[
    str,
    Path(
        max_length=60, description="A run's id.", examples=["0192f0c1-7a51-7d3c-9a55-5d1f0c6b2e11"]
    ),
]


@router.get("", operation_id="list_runs", summary="List runs", responses=refuses())
def list_runs(
    request: Request,
    who: Reader,
    studio: StudioHere,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 20,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Runlist:
    """List the workspace's runs that were asked for here, the newest first."""
    found = runs_of(request).recent(who.owner, limit, offset)
    return Runlist(
        runs=[run_answer(studio, each) for each in found],
        next=offset + limit if len(found) == limit else None,
    )


@router.get("/{run}", operation_id="get_run", summary="Show a run", responses=refuses(404))
def get_run(request: Request, who: Reader, studio: StudioHere, run: RunId) -> Run:
    """Show a run of the workspace, wherever it was asked for: how it is, and what it made."""
    return run_answer(studio, runs_of(request).find(who.owner, run))


@router.post(
    "/{run}/cancel", operation_id="cancel_run", summary="Cancel a run", responses=refuses(404)
)
def cancel_run(request: Request, who: Runner, studio: StudioHere, run: RunId) -> Run:
    """Ask for a run's end. What a provider has been asked for is kept, and paid."""
    return run_answer(studio, runs_of(request).cancel(who.owner, run))
