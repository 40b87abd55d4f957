"""The library: searched, counted, and searches that are kept under a name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from billing.reports.period import parse_period
from engine.exporting import pack, with_names
from engine.jobs import Job as Known
from engine.showing import LONGEST, show_what
from engine.studio import Studio
from engine.unfinished import (
    Unfinished,
    count_unfinished,
    find_unfinished,
    lists_work,
    status_of,
    unfinished_counts,
)
from engine.uses import note_uses
from interfaces.api.answers import Answer
from interfaces.api.bodies import check_text
from interfaces.api.choosing import Choice, FoundAsset, Sort, as_kept
from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.jobs_routes import Job
from interfaces.api.key_first import KeyFirst
from interfaces.api.links import Links
from interfaces.api.schema import refuses
from interfaces.api.streams import LARGEST_ZIP, PLACES
from library import (
    Filters,
    Found,
    Page,
    Use,
    count_matches,
    facets,
    find_assets,
    find_page,
    statistics,
    stored_bytes,
)
from library.saved import SavedSearch, find_saved, remove_saved, save_search, saved_of
from library.similar import duplicates as same_files
from studio import clock
from studio.errors import InvalidRequest, NotFound

router = APIRouter(route_class=KeyFirst, tags=["library"], prefix="/library")

Facet = Literal["kind", "operation", "provider", "model", "template", "status", "tag"]
_ZIP = {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
_Name = Annotated[str, Path(max_length=120, description="Its name.", examples=["foxes"])]


class Search(Choice):
    """What to look for, in which order, and from where on."""

    model_config = ConfigDict(extra="forbid")

    sort: Sort | None = Field(
        default=None, description="ranked where words are searched for, else newest."
    )
    saved: str = Field(
        default="", max_length=120, description="Search as this saved search; no filter beside it."
    )
    trashed: bool = Field(default=False, description="What is in the trash, instead.")
    after: str = Field(default="", max_length=300, description="`next` of the page before.")
    limit: int = Field(default=50, ge=1, le=500)


class Work(Job):
    """Work that has come to no asset."""

    status: Literal["pending", "processing", "failed", "unknown"]
    name: str = Field(description="What its file is to be called, without an extension.")

    @classmethod
    def told(cls, job: Known) -> Work:
        """Return a job as an answer."""
        return cls(**Job.of(job).model_dump(), status=status_of(job), name=job.label)


class SearchPage(Answer):
    """Some of what was searched for."""

    assets: list[FoundAsset]
    work: list[Work] = Field(
        description="Instead of assets, where the status is that of work that is none."
    )
    next: str | None = Field(description="Send it as `after` for the next page; null at the end.")
    whole: bool = Field(description="Whether the page is full or the last; else it goes on.")
    total: int
    total_exact: bool = Field(description="Whether there are not more than that.")


class Counts(Answer):
    """How many assets there are of each value."""

    facet: str
    counts: dict[str, int]


class Totals(Answer):
    """How much is in the library."""

    assets: int
    favourites: int
    trashed: int
    bytes: int = Field(description="Of all files, those in the trash with them.")


class SearchRequest(Choice):
    """A search to be kept."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"words": "red fox", "favourite": True, "sort": "newest"}},
    )

    sort: Sort = "newest"


class Saved(Answer):
    """A search under a name."""

    name: str
    filters: dict[str, Any]
    sort: str
    updated_at: datetime

    @classmethod
    def of(cls, kept: SavedSearch) -> Saved:
        """Return a saved search as an answer."""
        return cls(
            name=kept.name,
            filters=as_kept(kept.filters),
            sort=kept.sort,
            updated_at=kept.updated_at,
        )


class SavedSearches(Answer):
    """The workspace's saved searches."""

    saved: list[Saved]


class Shown(FoundAsset):
    """A picture that shows about what was said."""

    score: int = Field(description="In thousandths: how near what was told of it is, and how sure.")
    by: list[str] = Field(description="Its tags, suggested ones too, that are near; best first.")


class ShownList(Answer):
    """The pictures that show about what was said, the best first."""

    shown: list[Shown]


class Copies(Answer):
    """Assets whose files are the same, byte by byte."""

    sha256: str
    assets: list[str]


class Duplicates(Answer):
    """Groups of assets whose files are the same."""

    duplicates: list[Copies]
    next: str | None = Field(description="Send it as `after` for the next page; null at the end.")
    whole: bool = Field(description="Whether the page is full or the last; else it goes on.")


class ZipRequest(BaseModel):
    """Which files."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"assets": ["ast_01jd0m2v6k9y3hqk7d0c8r5wxe"]}},
    )

    assets: list[Annotated[str, Field(min_length=1, max_length=80)]] = Field(
        min_length=1, max_length=1_000
    )


class Uses(Answer):
    """How often something was delivered."""

    view: int = Field(description="Shown in a page.")
    download: int = Field(description="Taken as a file.")
    share: int = Field(description="Seen by somebody to whom it was shared.")


class DayUses(Answer):
    """What was delivered on a day, in UTC."""

    day: str
    uses: Uses


class AssetUses(Answer):
    """How often an asset was delivered."""

    asset: str
    name: str
    uses: Uses


class UseStatistics(Answer):
    """What was delivered in a period."""

    period: str
    uses: Uses
    assets: int = Field(description="How many different ones.")
    days: list[DayUses]
    top: list[AssetUses]


@router.get("", operation_id="get_library", summary="How much there is", responses=refuses())
def totals(who: Reader, studio: StudioHere) -> Totals:
    """Say how many assets, favourites and trashed assets there are, and how large all files are."""
    with studio.database.read() as connection:
        return Totals(
            assets=count_matches(connection, who.owner).number,
            favourites=count_matches(connection, who.owner, Filters(favourite=True)).number,
            trashed=count_matches(connection, who.owner, Filters(trashed=True)).number,
            bytes=stored_bytes(connection, who.owner),
        )


@router.get(
    "/search", operation_id="search_library", summary="Search assets", responses=refuses(404)
)
def search(who: Reader, studio: StudioHere, wanted: Annotated[Search, Query()]) -> SearchPage:
    """Search assets by words and filters, all of which hold together; the database applies them."""
    with studio.database.read() as connection:
        if wanted.saved:
            if wanted.model_fields_set & set(Choice.model_fields):
                raise InvalidRequest(
                    "A saved search has its own filters.", field="saved", given=wanted.saved
                )
            filters, sort = find_saved(connection, who.owner, wanted.saved)
        else:
            filters, sort = wanted.filters(trashed=wanted.trashed), "newest"
            if wanted.words.strip():
                sort = "ranked"
        place: dict[str, Any] = {
            "sort": wanted.sort or sort,
            "limit": wanted.limit,
            "after": wanted.after,
        }
        page: Page | Unfinished
        if lists_work(filters):
            page = find_unfinished(connection, who.owner, filters, **place)
            total = count_unfinished(connection, who.owner, filters)
        else:
            page = find_page(connection, who.owner, filters, **place)
            total = count_matches(connection, who.owner, filters)
    links = Links.of(studio.settings)
    return SearchPage(
        assets=[FoundAsset.found(each, links) for each in page.found if isinstance(each, Found)],
        work=[Work.told(each) for each in page.found if isinstance(each, Known)],
        next=page.following or None,
        whole=page.whole,
        total=total.number,
        total_exact=total.exact,
    )


@router.get(
    "/shown", operation_id="list_shown", summary="What pictures show", responses=refuses(501)
)
def list_shown(
    who: Reader,
    studio: StudioHere,
    words: Annotated[
        str,
        Query(
            min_length=1,
            max_length=LONGEST,
            description="What they show, in English.",
            examples=["a puppy in the snow"],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
) -> ShownList:
    """List pictures by what they show, though no prompt, title or tag has the words.

    What was told of them by `tag` is compared with the words in meaning.
    """
    links = Links.of(studio.settings)
    found = show_what(studio.database, who.owner, words, limit=limit)
    return ShownList(
        shown=[
            Shown(
                **FoundAsset.found(each.found, links).model_dump(),
                score=each.score,
                by=list(each.tags),
            )
            for each in found
        ]
    )


@router.get(
    "/counts/{facet}", operation_id="count_assets", summary="Count assets", responses=refuses()
)
def counts(
    who: Reader,
    studio: StudioHere,
    facet: Facet,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Counts:
    """Say how many assets there are of each kind, model, tag and so on, the most frequent first."""
    with studio.database.read() as connection:
        found = dict(facets(connection, who.owner, facet, limit))
        if facet == "status":
            found |= unfinished_counts(connection, who.owner)
        return Counts(facet=facet, counts=found)


@router.get("/saved", operation_id="list_saved", summary="Saved searches", responses=refuses())
def list_saved(who: Reader, studio: StudioHere) -> SavedSearches:
    """List the saved searches by name."""
    with studio.database.read() as connection:
        return SavedSearches(saved=[Saved.of(each) for each in saved_of(connection, who.owner)])


@router.put(
    "/saved/{name}", operation_id="save_search", summary="Keep a search", responses=refuses(404)
)
def save(who: Runner, studio: StudioHere, name: _Name, wanted: SearchRequest) -> Saved:
    """Keep a search under a name, in the place of one that has it; `saved` searches by it."""
    check_text(wanted.model_dump(exclude={"since", "until"}))
    filters = wanted.filters()
    return Saved.of(
        studio.database.write(
            lambda connection: save_search(connection, who.owner, name, filters, wanted.sort)
        )
    )


@router.delete(
    "/saved/{name}",
    operation_id="remove_saved",
    summary="Forget a saved search",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refuses(404),
)
def forget(who: Runner, studio: StudioHere, name: _Name) -> None:
    """Forget a saved search."""
    studio.database.write(lambda connection: remove_saved(connection, who.owner, name))


@router.get(
    "/duplicates", operation_id="list_duplicates", summary="The same files", responses=refuses()
)
def duplicates(
    who: Reader,
    studio: StudioHere,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Duplicates:
    """List groups of assets whose files are the same, byte by byte."""
    with studio.database.read() as connection:
        page = same_files(connection, who.owner, limit=limit, after=after)
    return Duplicates(
        duplicates=[Copies(sha256=each.sha256, assets=list(each.assets)) for each in page.found],
        next=page.following or None,
        whole=page.whole,
    )


@router.post(
    "/zip",
    operation_id="zip_assets",
    summary="Files as a ZIP",
    response_class=Response,
    responses={200: {"description": "A ZIP.", **_ZIP}, **refuses(404)},
)
async def download(who: Reader, studio: StudioHere, wanted: ZipRequest) -> Response:
    """Return the files of assets as one ZIP; each is counted as a download once it was sent."""
    return await asyncio.to_thread(_zipped, studio, who.owner, wanted.assets)


def _zipped(studio: Studio, owner: str, identifiers: Sequence[str]) -> Response:
    names = list(dict.fromkeys(identifiers))
    with studio.database.read() as connection:
        found = find_assets(connection, owner, names)
    known = {each.id for each in found}
    if missing := next((each for each in names if each not in known), None):
        raise NotFound("There is no such asset.", field="assets", given=missing)
    size = sum(each.bytes for each in found)
    if size > LARGEST_ZIP:
        raise InvalidRequest(
            "The files are too many for one ZIP.",
            field="assets",
            given=f"{size} bytes",
            allowed=f"at most {LARGEST_ZIP} bytes",
        )
    uses = [Use(owner, each.id, "download") for each in found]
    return PLACES.file(
        lambda file: pack(studio.store, with_names(found), file),
        "assets.zip",
        "application/zip",
        delivered=lambda: note_uses(studio, uses),
    )


@router.get("/uses", operation_id="get_uses", summary="What was delivered", responses=refuses())
def uses(
    who: Reader,
    studio: StudioHere,
    period: Annotated[
        str,
        Query(
            max_length=40,
            description="A year, a month (2026-11), a day, two days (2026-11-01..2026-11-15), "
            "this-month or last-month, in UTC.",
        ),
    ] = "this-month",
    top: Annotated[int, Query(ge=0, le=100)] = 10,
) -> UseStatistics:
    """Say how often assets were looked at, downloaded and seen through a share in a period."""
    when = parse_period(period, clock.now())
    with studio.database.read() as connection:
        found = statistics(
            connection, who.owner, when.days[0], when.days[-1] + timedelta(days=1), top=top
        )
    return UseStatistics(
        period=when.name,
        uses=Uses(**found.uses),
        assets=found.assets,
        days=[DayUses(day=each.day.isoformat(), uses=Uses(**each.uses)) for each in found.days],
        top=[
            AssetUses(asset=each.asset, name=each.name, uses=Uses(**each.uses))
            for each in found.top
        ],
    )
