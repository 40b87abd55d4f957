"""Bringing many files into the library: from addresses, and from ZIP files that were uploaded."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from engine.importing import check_sources, read_report
from interfaces.api.answers import Answer
from interfaces.api.asking import Started, WayHere, Wish, answered
from interfaces.api.bodies import check_text
from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.operations import ENDED
from interfaces.api.run_answers import runs_of
from interfaces.api.runs_routes import RunId
from interfaces.api.schema import refuses
from studio.errors import NotFound

router = APIRouter(route_class=KeyFirst, tags=["imports"], prefix="/library/imports")

MOST_SOURCES = 1_000
SOURCE = r"^(ast_[0-9a-z_]{1,60}|https://[^\s]+)$"
"""A ZIP among the assets, or an address: never a file of the machine."""


class ImportRequest(BaseModel):
    """What shall be brought in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"sources": ["https://example.com/campaign.zip"]}},
    )

    sources: list[Annotated[str, Field(max_length=4_000, pattern=SOURCE)]] = Field(
        min_length=1,
        max_length=MOST_SOURCES,
        description="https addresses of files and ZIP files, and ZIP files that were uploaded.",
    )


class Refused(Answer):
    """A file that could not come in."""

    name: str
    reason: str
    given: str
    allowed: str


class Imported(Answer):
    """What an import came to."""

    run: str
    new: int = Field(description="Files that were filed.")
    known: int = Field(description="Files that were in the library before.")
    refused: list[Refused]


@router.post(
    "",
    operation_id="import_files",
    summary="Import files",
    status_code=HTTPStatus.ACCEPTED,
    responses={**ENDED, **refuses(402, 404, 409, 501, 502)},
)
async def start(way: WayHere, who: Runner, wanted: ImportRequest) -> Started:
    """Bring in what is at addresses and in ZIP files; answers with its run.

    Only https addresses on the public internet are fetched. It costs nothing, and passes the gate.
    """
    values = wanted.model_dump()
    check_text(values)
    check = partial(check_sources, way.studio, who.owner, wanted.sources)
    wish = Wish("import-files", values, way.key, check)
    return await answered(way, who, wish)


@router.get(
    "/{run}",
    operation_id="get_import",
    summary="What an import came to",
    responses={204: {"description": "It has not ended yet."}, **refuses(404)},
    response_model=Imported,
)
def show(request: Request, who: Reader, studio: StudioHere, run: RunId) -> Imported | Response:
    """Say what an import came to: what is new, what was known, what was refused and why."""
    known = runs_of(request).find(who.owner, run)
    if known.flow != "import-files":
        raise NotFound("There is no such import.", field="run", given=run)
    report = read_report(studio.settings, known.id)
    if report is None:
        if known.ended:
            raise NotFound(
                "This run left no report: it was refused, or done on another machine.",
                field="run",
                given=run,
            )
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Imported(
        run=known.id,
        new=int(report["new"]),
        known=int(report["known"]),
        refused=[Refused.model_validate(each) for each in report["refused"]],
    )
