"""Work that has not come to an asset: what waits, is at work, failed, or nobody knows.

It is listed as the library lists assets, out of the ledger of jobs: in pages behind a place, within
a bound. What was tried again is told by its last attempt alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal, select, text

from engine.jobs import Job
from engine.tables import jobs
from library import Count, Filters
from library.assets import check_limit
from library.cards import module_of, texts_in
from library.filters import COMPLETED
from library.matches import searched
from library.words import marks_of_id, words_of
from studio.errors import InvalidRequest

STATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pending": ("prepared",),
        "processing": ("submitted", "generated"),
        "failed": ("failed",),
        "unknown": ("unknown",),
    }
)
"""The states of a job, by the status that work in it has in the library."""

_PASSED = 1_000
"""Jobs that are looked at for one page, and counted up to."""

_ASKED = ("operation", "provider", "model", "module", "template", "since", "until", "words")
_PLACE = re.compile(r"work\.(job_[0-9a-z]{26})")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Some of the work that was asked for, the newest first.

    Attributes:
        found: the jobs.
        following: what the next page is asked for by; empty at the end.
        whole: whether the page is full or the last. ``False``: the search went as far as one page
            may, and goes on with the next.
    """

    found: tuple[Job, ...]
    following: str
    whole: bool


def status_of(job: Job) -> str:
    """Return the status that a job's work has in the library."""
    return next((name for name, states in STATES.items() if job.state in states), COMPLETED)


def lists_work(filters: Filters) -> bool:
    """Whether the filters ask for work that has not come to an asset."""
    return filters.status in STATES


def find_unfinished(
    connection: Connection,
    owner: str,
    filters: Filters,
    *,
    sort: str = "newest",
    limit: int = 50,
    after: str = "",
) -> Unfinished:
    """Return a page of an owner's work of one status, the newest first.

    Args:
        connection: a connection that reads.
        owner: whose.
        filters: which; ``status`` is one of ``STATES``. Only what is known of work before its end
            can be asked for: operation, provider, model, module, template, time and words.
        sort: newest, or ranked, which is the same here.
        limit: jobs on a page, 1 to 500.
        after: ``following`` of the page before; empty for the first one.

    Raises:
        InvalidRequest: a filter or an order is not for work, or ``after`` is no place in this list.
    """
    check_limit(limit)
    if sort not in {"newest", "ranked"}:
        raise InvalidRequest(
            "Work that has not ended is listed the newest first.",
            field="sort",
            given=sort,
            allowed="newest",
        )
    found, end = _fitting(connection, owner, filters, _place(after))
    following = found[limit - 1] if len(found) > limit else end
    some = found[:limit]
    rows = connection.execute(select(jobs).where(jobs.c.id.in_(some))).mappings()
    whole = sorted((Job(**row) for row in rows), key=lambda job: job.id, reverse=True)
    return Unfinished(
        tuple(whole),
        f"work.{following}" if following else "",
        whole=len(found) >= limit or not end,
    )


def count_unfinished(connection: Connection, owner: str, filters: Filters) -> Count:
    """Return how much work of one status there is, among the newest 1,000; raises as above."""
    found, end = _fitting(connection, owner, filters, "")
    return Count(len(found), exact=not end)


def unfinished_counts(connection: Connection, owner: str) -> dict[str, int]:
    """Return how much work of each status there is, each up to 1,000; none where there is none."""
    told = {
        name: count_unfinished(connection, owner, Filters(status=name)).number for name in STATES
    }
    return {name: number for name, number in told.items() if number}


def _place(after: str) -> str:
    if not after:
        return ""
    found = _PLACE.fullmatch(after)
    if found is None:
        raise InvalidRequest(
            "That is no place in this list.",
            field="after",
            given=after,
            allowed="what the page before named, for the same status",
        )
    return found[1]


def _fitting(
    connection: Connection, owner: str, filters: Filters, before: str
) -> tuple[list[str], str]:
    """Return the ids of what fits among the next jobs, and where these end; empty at the end."""
    fits = _condition(filters)
    # An attempt that was followed by another one is not how the work stands.
    later = jobs.alias("later")
    again = (
        select(later.c.id)
        .where(later.c.owner == owner, later.c.key == jobs.c.key, later.c.attempt > jobs.c.attempt)
        .exists()
    )
    columns: list[ColumnElement[Any]] = [jobs.c.id]
    columns.append(again if filters.status == "failed" else literal(0))
    columns += [jobs.c.operation, jobs.c.offer, jobs.c.label, jobs.c.run] if fits else []
    passed: list[Any] = []
    for state in STATES[filters.status]:  # each by its own index
        query = select(*columns).where(jobs.c.owner == owner, jobs.c.state == state)
        # As the index has it: SQLite does not see by a parameter that its condition holds.
        query = query.where(text("jobs.state <> 'settled'"), *_bounds(filters, before))
        query = query.order_by(jobs.c.id.desc()).limit(_PASSED + 1)
        passed += connection.execute(query).all()
    passed.sort(key=lambda row: row[0], reverse=True)
    end = passed[_PASSED - 1][0] if len(passed) > _PASSED else ""
    some = passed[:_PASSED]
    return [row[0] for row in some if not row[1] and (fits is None or fits(row))], end


def _bounds(filters: Filters, before: str) -> list[ColumnElement[bool]]:
    found = [jobs.c.id < before] if before else []
    found += [jobs.c.template == filters.template] if filters.template else []
    found += [jobs.c.created_at >= filters.since] if filters.since else []
    return found + ([jobs.c.created_at < filters.until] if filters.until else [])


def _condition(filters: Filters) -> Callable[[Any], bool] | None:
    """Return what a job must fulfil that its row alone tells; ``None`` for nothing.

    Raises:
        InvalidRequest: something is asked for that only an asset has.
    """
    for field, value in filters.as_json().items():
        if field not in {*_ASKED, "status"}:
            raise InvalidRequest(
                f"Work that is {filters.status} cannot be chosen by this.",
                field=field,
                given=value,
                allowed=", ".join(_ASKED),
            )
    names = ("operation", "provider", "model", "module")
    wanted = {name: getattr(filters, name) for name in names if getattr(filters, name)}
    terms = searched(filters.words)
    if filters.words.strip() and not terms:
        return lambda _: False
    if not wanted and not terms:
        return None

    def fits(row: Any) -> bool:
        operation = str(row.operation["operation"])
        provider, _, model = row.offer.partition("/")
        known = {
            "operation": operation,
            "provider": provider,
            "model": model,
            "module": module_of(operation),
        }
        if any(known[name] != value for name, value in wanted.items()):
            return False
        texts = texts_in(row.label, row.operation, {}, (provider, model, operation), row.run)
        words = {*marks_of_id(row.id), *(word for each in texts for word in words_of(each))}
        return all(any(words.issuperset(way) for way in term.ways) == term.wanted for term in terms)

    return fits


__all__ = [
    "STATES",
    "Unfinished",
    "count_unfinished",
    "find_unfinished",
    "lists_work",
    "status_of",
    "unfinished_counts",
]
