"""Asking for runs: checked here, so that a refusal costs nobody a start, and asked for once."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import Field

from billing.accounts.admission import check_ceiling
from billing.ledger import balance
from engine.requests import begin, fingerprint, note_run, standing
from engine.single import plan_one
from engine.studio import Studio
from interfaces.api.answers import Answer
from interfaces.api.bodies import Order
from interfaces.api.identity import Identity, StudioHere
from interfaces.api.run_answers import Run, run_answer, runs_of
from interfaces.api.runs import Run as Known
from studio import credits as money
from studio.errors import NotEnoughCredits
from studio.ids import new_id

_WAIT = re.compile(r"wait=(\d{1,3})")
LONGEST_WAIT = 30
"""Seconds for which an answer is held back at most."""
_LOOK_SECONDS = 0.5

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="A name of your own for this request. Sent again within seven days with the "
        "same body it is the same run; with another body it is refused (409).",
        examples=["order-4711"],
    ),
]
Prefer = Annotated[
    str,
    Header(
        max_length=200,
        description=f"`wait=10` holds the answer back for so many seconds, at most {LONGEST_WAIT}: "
        "200 with the run that has ended, or else 202.",
    ),
]


class Started(Answer):
    """A run that was asked for."""

    run: Run
    idempotency_key: str = Field(description="What the request is known by; empty without one.")
    repeated: bool = Field(description="Whether the run was there from before.")


def check_order(studio: Studio, who: Identity, order: Order) -> None:
    """Refuse what the run's own pre-flight would refuse for its inputs, offers or credits.

    Raises:
        StudioError: what it would say; nothing is held.
    """
    planned = plan_one(
        studio, order.operation, who.owner, "check", token=order.purse["quote"], user=who.user
    )
    check_funds(studio, who.owner, planned.quote.total, order.most)


def check_funds(studio: Studio, owner: str, total: int, most: int | None) -> None:
    """Refuse what comes to more than its ceiling, or than there is.

    Raises:
        BudgetReached: it is above ``most``.
        AccountRefused: there is no wallet.
        NotEnoughCredits: it has less.
    """
    check_ceiling(total, most)
    with studio.database.read() as connection:
        available = balance(connection, owner).available
    if available < total:
        raise NotEnoughCredits(
            f"This comes to {money.show(total)} credits, and {money.show(available)} are "
            "available.",
            needed=total,
            available=available,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """A run that is asked for.

    Attributes:
        flow: an operation's name, ``batch``, ``batch-again`` or ``import-files``.
        values: the flow's parameters, but for whose it is.
        key: the idempotency key; empty for none.
        check: refuses what is wrong with it, where it is new.
    """

    flow: str
    values: Mapping[str, Any]
    key: str
    check: Callable[[], object]


def start(request: Request, studio: Studio, who: Identity, wish: Wish) -> tuple[Known, bool]:
    """Start a run for who asks, once for the same key; return it, and whether it was there.

    Raises:
        Conflict: the key was used for something else.
        StudioError: the check refused it, or it cannot be started.
    """
    runs = runs_of(request)
    parameters = {**wish.values, "owner": who.owner, "user": who.user}
    if not wish.key:
        wish.check()
        run = runs.start(wish.flow, parameters, key=new_id("request"))
        return runs.find(who.owner, run), False
    words = fingerprint(wish.flow, parameters)
    place = (who.owner, who.user, wish.key, words)
    with studio.database.read() as connection:
        begun = standing(connection, *place)
    if begun is None:
        # Before it is written down: what is refused may be mended and sent under the same key.
        wish.check()
        begun = studio.database.write(lambda connection: begin(connection, *place))
    if begun.run:
        return runs.find(who.owner, begun.run), True
    run = runs.start(wish.flow, parameters, key=begun.id)
    studio.database.write(lambda connection: note_run(connection, begun.id, run))
    return runs.find(who.owner, run), False


def seconds_to_wait(prefer: str) -> int:
    """Return for how many seconds the answer may be held back (RFC 7240)."""
    found = _WAIT.search(prefer)
    return min(LONGEST_WAIT, int(found[1])) if found else 0


@dataclass(frozen=True, slots=True)
class Way:
    """How a request for a run came in, and how its answer goes out."""

    request: Request
    response: Response
    studio: Studio
    key: str
    prefer: str


def _way(
    request: Request,
    response: Response,
    studio: StudioHere,
    key: IdempotencyKey = "",
    prefer: Prefer = "",
) -> Way:
    return Way(request, response, studio, key, prefer)


WayHere = Annotated[Way, Depends(_way)]


async def answered(way: Way, who: Identity, wish: Wish) -> Started:
    """Start a run, wait for its end if that is preferred, and answer: 200 if it ended, else 202."""
    known, repeated = await asyncio.to_thread(start, way.request, way.studio, who, wish)
    runs = runs_of(way.request)
    until = time.monotonic() + seconds_to_wait(way.prefer)
    while not known.ended and time.monotonic() < until and not await way.request.is_disconnected():
        await asyncio.sleep(_LOOK_SECONDS)
        known = await asyncio.to_thread(runs.find, who.owner, known.id)
    run = await asyncio.to_thread(run_answer, way.studio, known)
    way.response.headers["Location"] = run.links.self
    way.response.status_code = HTTPStatus.OK if known.ended else HTTPStatus.ACCEPTED
    return Started(run=run, idempotency_key=wish.key, repeated=repeated)
