"""One order by itself: planned and quoted, held for, carried out, and its hold ended."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from billing.accounts.admission import NOTHING, Admission
from billing.ledger import Hold, HoldRequest, ReleaseRequest, holds_of, release
from billing.quotes import Quote, QuoteLine
from engine.deciding import decided
from engine.execute import Order
from engine.job_rows import latest_jobs
from engine.jobs import Job, Picture
from engine.planning import Planner
from engine.preflight import ANYBODY, Caller, check_identity, preflight
from engine.prompts import enhancement
from engine.quoting import read_quote
from engine.seeds import with_seed
from engine.settled import find, settled
from engine.stills import losses
from engine.storage_quota import room_of
from engine.studio import Studio
from engine.style_losses import unknown_style
from library import VERSION_OF, find_asset
from providers import Plan
from studio.clock import now
from studio.database import Database
from studio.errors import NotFound
from studio.operations import Operation

_LABEL_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Planned:
    """An operation with its inputs found, its offers chosen and its price known.

    Attributes:
        plans: one for each piece of it; several where variations are asked for.
        quote: a line for each of them, and before them one for the prompt.
        request: what they are of: everything that it named is replaced by what it stands for.
        promise: id of the signed quote whose prices these are; empty where there is none.
        notes: what the studio changed in the request as it was given.
        prompt: who writes a fuller prompt first; ``None`` where the prompt is used as it is.
        losses: what of the request or its input pictures is not used, a sentence for each.
    """

    plans: tuple[Plan, ...]
    pictures: tuple[Picture, ...]
    quote: Quote
    request: Operation
    promise: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    prompt: Plan | None = None
    losses: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """The plan of the first piece; those of the others differ only in their seeds."""
        return self.plans[0]

    @property
    def uses(self) -> dict[str, int]:
        """How often each operation is asked for."""
        plans = self.plans if self.prompt is None else (self.prompt, *self.plans)
        return Counter(plan.operation.operation for plan in plans)


def plan_one(
    studio: Studio,
    operation: Operation,
    owner: str,
    key: str,
    *,
    token: str = "",
    user: str = "",
    version_of: str = "",
) -> Planned:
    """Find the inputs, choose who does it, and quote. Nothing is held and nothing bought.

    Args:
        key: names the work; a seed that is left to the studio comes from it, so that carrying on
            after a crash asks for the same picture.
        token: a signed quote of this request, whose offer and prices are to be kept.
        user: who asks; empty stands for the user of the owner's own name.
        version_of: the asset whose request is run again for it; empty for none.

    Raises:
        InvalidRequest: an input or the token is not right, or nobody can do it (``NoOffer``).
        NotFound: there is no such asset or persona.
        PriceUnknown: the price book does not know the price.
        AccountRefused: the user is no member of the workspace.
    """
    check_identity(studio.database, owner, user, "look")
    if version_of:
        _check_version(studio.database, owner, version_of)
    done = settled(operation, lambda name: find(studio.database, owner, name))
    chosen = with_seed(done.operation, key)
    pictures = studio.inputs.resolve(chosen, owner)
    studio.masks.check(chosen, pictures)
    before, pieces = enhancement(chosen), chosen.pieces()
    wanted: list[tuple[Operation, tuple[Picture, ...]]] = [(piece, pictures) for piece in pieces]
    if before:
        wanted.insert(0, (before, ()))
    signed = read_quote(studio.settings, token, done.operation, pictures, owner) if token else None
    lines = signed.quote.lines if signed else (None,) * len(wanted)
    found = [
        decided(_planning(studio.planner, given, line), each, given, key)
        for (each, given), line in zip(wanted, lines, strict=True)
    ]
    plans = [each.plan for each in found]
    keys = [*([_prompt_key(key)] if before else ()), *_piece_keys(key, len(pieces))]
    quote = signed.quote if signed else studio.planner.quote(dict(zip(keys, plans, strict=True)))
    prompt = plans.pop(0) if before else None
    notes = {**done.notes, **found[-1].notes, **({VERSION_OF: version_of} if version_of else {})}
    promise = signed.id if signed else ""
    return Planned(
        tuple(plans),
        pictures,
        quote,
        done.operation,
        promise,
        notes,
        prompt=prompt,
        losses=(
            *losses(studio.store, pictures),
            *unknown_style(plans[0].operation, plans[0].first.offer),
        ),
    )


def _check_version(database: Database, owner: str, identifier: str) -> None:
    """Refuse what is no asset of the owner: when the work is settled, it would be too late."""
    with database.read() as connection:
        try:
            find_asset(connection, owner, identifier)
        except NotFound as error:
            raise NotFound(
                error.message, field=VERSION_OF, given=identifier, allowed="an asset of yours"
            ) from None


def _planning(
    planner: Planner, pictures: Sequence[Picture], line: QuoteLine | None
) -> Callable[[Operation], Plan]:
    """Return what plans a request; by a line of a quote, at its offer and price alone."""
    if line is None:
        return lambda operation: planner.plan(operation, pictures)
    return lambda operation: planner.honour(operation, pictures, line)


def _prompt_key(key: str) -> str:
    """Return what names the writing of a prompt for the work that ``key`` names."""
    return f"{key}#prompt"


def _piece_keys(key: str, number: int) -> list[str]:
    """Return what names each piece of the work that ``key`` names."""
    return [key] if number == 1 else [f"{key}#{place}" for place in range(1, number + 1)]


def to_buy(job: Job | None) -> bool:
    """Whether the gate would buy a piece of work whose last attempt is ``job``."""
    return job is None or (job.state == "failed" and not job.billed)


def left_to_buy(
    studio: Studio, planned: Planned, owner: str, key: str
) -> tuple[int, dict[str, int]]:
    """Return what has yet to be bought: micro-credits, and how often each operation.

    A run that is started again must not be refused for what is paid already.
    """
    plans = planned.plans if planned.prompt is None else (planned.prompt, *planned.plans)
    keys = [*([_prompt_key(key)] if planned.prompt else ()), *_piece_keys(key, len(planned.plans))]
    with studio.database.read() as connection:
        jobs = latest_jobs(connection, owner, keys)
    pieces = zip(keys, planned.quote.lines, plans, strict=True)
    left = [(line.amount, plan) for name, line, plan in pieces if to_buy(jobs.get(name))]
    uses = Counter(plan.operation.operation for _, plan in left)
    return sum(amount for amount, _ in left), uses


def hold_credits(
    studio: Studio,
    owner: str,
    key: str,
    amount: int,
    purpose: str,
    *,
    caller: Caller = ANYBODY,
    uses: Mapping[str, int] = NOTHING,
    rows: int = 1,
) -> Hold:
    """Set ``amount`` micro-credits aside for ``hold_minutes``, if all that has a say lets it pass.

    Args:
        caller: who asks.
        uses: how often each operation may be done with it.
        rows: rows of the batch that are left to buy; 1 for a single run.

    Raises:
        GateRefused: identity, account, plan, limits, budgets or credits do not allow it; the kind
            of the error says which.
        Conflict: the key was used for another amount.
        SpendingPaused: the operator has paused all spending.
        StudioUnavailable: the database does not answer, which says nothing about the rest.
    """
    if amount:
        # What costs nothing goes on.
        studio.switches.check_spending()
    _check_storage(studio, owner, key)
    request = HoldRequest(
        owner=owner,
        key=key,
        amount=amount,
        expires_at=now() + timedelta(minutes=studio.settings.hold_minutes),
        purpose=purpose,
    )
    admission = Admission(
        request, caller.user or owner, caller.project, uses=uses, rows=rows, most=caller.most
    )
    return studio.commits.submit(preflight, admission).result()


def _check_storage(studio: Studio, owner: str, key: str) -> None:
    """Refuse new work of a workspace that keeps as much as it may; what was held for goes on.

    Raises:
        LimitReached: it does.
    """
    quota = studio.settings.storage_quota_mb
    if not quota:
        return
    with studio.database.read() as connection:
        room = room_of(connection, owner, quota)
        if room.left or any(each.key == key for each in holds_of(connection, owner)):
            return
    raise room.refusal(1)


def release_hold(studio: Studio, owner: str, identifier: str) -> Hold:
    """End a hold: what is free of it returns to the wallet; unknown outcomes keep their part."""
    request = ReleaseRequest(owner=owner, hold_id=identifier)
    return studio.commits.submit(release, request).result()


def orders_of(
    planned: Planned, *, owner: str, key: str, hold_id: str, run: str
) -> tuple[Order, ...]:
    """Return the orders for what was planned and held for: the prompt's, and one a piece."""
    several = len(planned.plans) > 1 or planned.prompt is not None
    label = _label(planned)
    numbered = len(planned.plans) > 1
    first: list[Order] = []
    if planned.prompt:
        first.append(
            Order(
                key=_prompt_key(key),
                owner=owner,
                hold=hold_id,
                run=run,
                label=f"{label}-prompt",
                plan=planned.prompt,
                announce=False,
                limit=planned.prompt.first.price,
            )
        )
    return *first, *(
        Order(
            key=piece,
            owner=owner,
            hold=hold_id,
            run=run,
            label=f"{label}-{place}" if numbered else label,
            plan=plan,
            pictures=planned.pictures,
            # Of a hold that pays for several, none spends the part of another.
            limit=plan.first.price if several else None,
            notes=planned.notes,
            prompt_from=first[0].key if first else "",
        )
        for place, (piece, plan) in enumerate(
            zip(_piece_keys(key, len(planned.plans)), planned.plans, strict=True), start=1
        )
    )


def stages(orders: Sequence[Order]) -> list[list[Order]]:
    """Return orders in the stages that they can be carried out in: prompts before pictures."""
    first = [each for each in orders if not each.prompt_from]
    then = [each for each in orders if each.prompt_from]
    return [stage for stage in (first, then) if stage]


def order_of(planned: Planned, *, owner: str, key: str, hold_id: str, run: str) -> Order:
    """Return the only order for what was planned and held for."""
    (order,) = orders_of(planned, owner=owner, key=key, hold_id=hold_id, run=run)
    return order


def _label(planned: Planned) -> str:
    """Return a file name of the words as they were given: those of a persona are no part of it."""
    given = planned.notes.get("prompt_given")
    operation = planned.plan.operation
    if given:
        operation = operation.model_copy(update={"prompt": given})
    return label_of(operation, planned.pictures)


def label_of(operation: Operation, pictures: tuple[Picture, ...] = ()) -> str:
    """Return a file name for people: what is made, in a few plain characters."""
    words = str(getattr(operation, "prompt", "")) or operation.operation
    if pictures:
        words = f"{Path(pictures[0].name).stem} {operation.operation}"
    plain = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    return plain[:_LABEL_LENGTH].rstrip("-") or operation.operation


def release_run(studio: Studio, owner: str, run: str) -> int:
    """End the holds of a run that is over; return how many there were.

    Their keys begin with the run's id (see ``hold_key``).
    """
    with studio.database.read() as connection:
        open_holds = holds_of(connection, owner)
    mine = [each for each in open_holds if each.key.startswith(f"{run}/")]
    for each in mine:
        release_hold(studio, owner, each.id)
    return len(mine)


def hold_key(run: str, attempt: int) -> str:
    """Return the key of a run's hold. A retry of the run holds anew: its first hold was ended."""
    return f"{run}/{attempt}"
