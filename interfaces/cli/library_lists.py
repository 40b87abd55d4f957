"""``studio library list|search|counts``: finding pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.library import asset_document, card_document
from interfaces.cli.library_filters import NOTHING, Choice
from interfaces.cli.library_work import lists_work, show_work, unfinished_counts
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, table
from interfaces.cli.session import Here
from library import Filters, Found, Page, count_matches, facets, find_page, measure
from library.saved import find_saved
from library.search import number_of
from library.sorting import NEWEST
from studio import credits as money
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console

    from interfaces.cli.session import Session

_QUIET = Parameter(show_default=False)
_FLAG = Parameter(negative=(), show_default=False)


def list_(
    *,
    limit: int = 50,
    before: Annotated[str, _QUIET] = "",
    after: Annotated[str, _QUIET] = "",
    sort: str = "newest",
    trashed: Annotated[bool, _FLAG] = False,
    choice: Choice = NOTHING,
    session: Here,
) -> int:
    """List pictures, the newest first.

    Args:
        limit: How many, 1 to 500.
        before: Go on behind this asset (newest first): the last one of the page before.
        after: Go on where the page before ended, in any order: its "following".
        sort: newest, oldest, largest, smallest, dearest, cheapest, rating or name.
        trashed: What is in the trash, instead of what is not.
        choice: Which pictures.
    """
    return _page(session, choice.filters(trashed=trashed), sort, limit, after, before)


def search(
    words: Annotated[tuple[str, ...], Parameter(show_default=False)] = (),
    /,
    *,
    without: Annotated[str, _QUIET] = "",
    limit: int = 50,
    after: Annotated[str, _QUIET] = "",
    sort: str = "ranked",
    saved: Annotated[str, _QUIET] = "",
    trashed: Annotated[bool, _FLAG] = False,
    choice: Choice = NOTHING,
    session: Here,
) -> int:
    """Search pictures by words; the best matches come first.

    Prompts, titles, tags, file names, models and notes are searched, and ids: also by their
    beginning or end of six characters or more. All words must be there.

    Args:
        words: What to look for.
        without: Words that must not be there.
        limit: How many, 1 to 500.
        after: Go on where the page before ended: its "following".
        sort: ranked (of the newest 500 matches), newest, oldest, largest, smallest, dearest,
            cheapest, rating or name.
        saved: Search as this saved search does; options beside it have no effect.
        trashed: Search the trash instead.
        choice: Which pictures.
    """
    if saved:
        with opened_database(session.config) as database, database.read() as connection:
            session.require(connection, "look")
            filters, sort = find_saved(connection, session.owner, saved)
    else:
        left_out = [f"-{each}" for each in without.split()]
        filters = choice.filters(" ".join([*words, *left_out]), trashed=trashed)
        if sort == "ranked" and not "".join(words).strip():
            sort = "newest"  # nothing is searched for that could be met well or badly
    return _page(session, filters, sort, limit, after, "")


def counts(
    facet: Annotated[str, _QUIET] = "",
    /,
    *,
    limit: int = 100,
    session: Here,
) -> int:
    """Show how many pictures there are, in all or of each kind, model, tag and so on.

    Args:
        facet: kind, operation, provider, model, template, status or tag; all in short, if not
            given.
        limit: Values to show, 1 to 500.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        if facet:
            found = dict(facets(connection, session.owner, facet, limit))
            if facet == "status":
                found |= unfinished_counts(connection, session.owner)
        else:
            asked = {
                "pictures": Filters(),
                "favourites": Filters(favourite=True),
                "in the trash": Filters(trashed=True),
            }
            found = {
                name: count_matches(connection, session.owner, each).number
                for name, each in asked.items()
            }

    def show(to: Console) -> None:
        rows = table(facet or "what", "assets", right=("assets",))
        for name, number in found.items():
            rows.add_row(plain(name), f"{number:,}")
        to.print(rows if found else Text("Nothing yet.", style="dim"))

    session.out.result({"facet": facet or None, "counts": found}, show)
    return Exit.DONE


def _page(  # noqa: PLR0917 - of this module alone
    session: Session, filters: Filters, sort: str, limit: int, after: str, before: str
) -> int:
    if before and (after or sort != "newest"):
        raise InvalidRequest(
            "An asset to go on behind is for the newest first.", field="before", given=before
        )
    if lists_work(filters):
        if before:
            raise InvalidRequest(
                "Work that has not ended goes on by its own place.",
                field="before",
                given=before,
                allowed='--after with the "following" of the page before',
            )
        return show_work(session, filters, sort, limit, after)
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        place = NEWEST.at(number_of(connection, session.owner, before)) if before else after
        page = find_page(connection, session.owner, filters, sort=sort, limit=limit, after=place)
        total = count_matches(connection, session.owner, filters)
        work = {} if filters.as_json() or place else unfinished_counts(connection, session.owner)
    session.out.result(
        {
            "assets": [found_document(each) for each in page.found],
            "work": [],
            "unfinished": work,
            "following": page.following or None,
            "next_before": _next_before(page, sort),
            "whole": page.whole,
            "total": total.number,
            "total_exact": total.exact,
        },
        lambda to: _show(to, page, f"{total.number:,}{'' if total.exact else '+'}", work),
    )
    return Exit.DONE


def _next_before(page: Page, sort: str) -> str | None:
    """Return the asset to go on behind, for those who know pages by it."""
    full = sort == "newest" and page.following and page.whole
    return page.found[-1].asset.id if full else None


def found_document(found: Found) -> dict[str, Any]:
    """Return an asset and its card as JSON values."""
    return {**asset_document(found.asset), **card_document(found.card)}


def _show(to: Console, page: Page, total: str, work: Mapping[str, int]) -> None:
    rows = table("asset", "name", "size", "credits", "about", right=("size", "credits"))
    rows.columns[0].no_wrap = True
    for each in page.found:
        asset, card = each.asset, each.card
        size = measure(asset.width, asset.height, asset.bytes)
        about = [*(["favourite"] if card.favourite_at else []), "*" * card.rating, *card.tags]
        rows.add_row(
            asset.id,
            plain(card.title or asset.name),
            size,
            money.show(asset.credits),
            plain(", ".join(filter(None, about))),
        )
    to.print(rows if page.found else Text("Nothing yet.", style="dim"))
    if page.following:
        to.print(Text(f"{total} in all. More: the same with --after {page.following}", style="dim"))
    if work:
        told = ", ".join(f"{number:,} {status}" for status, number in work.items())
        to.print(Text(f"Not ended: {told}. --status lists them.", style="dim"))
