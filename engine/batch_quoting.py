"""Signed quotes of batches: signing one, and planning a file at the prices of one.

A signed quote has the price of a unit of each offer that does any of the rows, and a fingerprint
of all rows with their offers. A file that is shown with it is planned with these offers alone, at
these prices, and must come to the same fingerprint. That a row is done already changes nothing:
what is left of a batch can be bought with the quote of the whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from batches import BatchSpec
from billing.pricebook import PriceBook, PriceLine
from billing.signed_batch import SignedBatch, UnitPrice, read_batch, sign_batch
from billing.tokens import refused
from engine.batch_plan import BatchQuote, PlannedBatch, plan_batch, quote_batch
from engine.batch_view import BatchView, find_jobs
from engine.quoting import quote_key
from engine.studio import Studio
from providers import Choice
from studio.clock import now
from studio.ids import new_id


def sign_batch_quote(
    studio: Studio, spec: BatchSpec, *, skip_invalid: bool = False
) -> tuple[PlannedBatch, SignedBatch, str]:
    """Return a batch planned at the prices of now, these prices signed, and their token.

    Args:
        studio: who does it.
        spec: the batch as its file has it.
        skip_invalid: whether rows that cannot be done are left out instead.

    Raises:
        BatchInvalid: rows that cannot be done, all of them.
        InvalidRequest: so many offers do them that their prices do not fit into a token.
        SetupIncomplete: the key cannot be used.
    """
    made = now()
    until = made + timedelta(minutes=studio.settings.quote_minutes)
    first = plan_batch(studio, spec, skip_invalid=skip_invalid)
    prices = tuple(
        UnitPrice(line.offer, line.unit, line.price)
        for line in (studio.book.line(offer) for offer in sorted(_offers(first)))
    )
    signed = SignedBatch(
        id=new_id("quo"),
        owner=spec.owner,
        request=_request_print(spec),
        digest="",
        prices=prices,
        rows=0,
        total=0,
        book_version=studio.book.version,
        book_date=studio.book.date,
        made_at=made,
        expires_at=until,
    )
    # Signed is what whoever shows it will come to: nobody's rest counts there.
    planned = _plan(studio, spec, signed, skip_invalid=skip_invalid)
    signed = replace(
        signed,
        digest=_digest(planned),
        rows=len(planned.spec.rows),
        total=quote_left(studio, planned).total,
    )
    return planned, signed, sign_batch(signed, quote_key(studio.settings))


def quote_left(studio: Studio, planned: PlannedBatch) -> BatchQuote:
    """Quote what has yet to be bought of a batch, whichever run bought the rest."""
    with studio.database.read() as connection:
        view = BatchView(planned.spec, find_jobs(connection, planned.spec))
    return quote_batch(planned, view)


def plan_at_quote(
    studio: Studio, spec: BatchSpec, token: str, *, skip_invalid: bool = False
) -> PlannedBatch:
    """Plan a batch with the offers and prices of a signed quote of it. Nothing is held.

    Args:
        studio: who does it.
        spec: the batch as its file has it.
        token: the signed quote; without one, this is ``plan_batch``.
        skip_invalid: whether rows that cannot be done are left out instead.

    Raises:
        InvalidRequest: the quote does not stand, is another wallet's or of other rows; or its
            offers do the rows in another way now.
        NoOffer: an offer of the quote is not sold any more.
        BatchInvalid: rows that cannot be done, all of them.
        SetupIncomplete: the key cannot be used.
    """
    if not token:
        return plan_batch(studio, spec, skip_invalid=skip_invalid)
    signed = read_batch(
        token.strip(),
        owner=spec.owner,
        request=_request_print(spec),
        key=quote_key(studio.settings),
        now=now(),
    )
    planned = _plan(studio, spec, signed, skip_invalid=skip_invalid)
    if _digest(planned) != signed.digest:
        raise refused(
            "The quote cannot be kept: its rows can no longer be done by the offers that it was "
            "made for; ask for a new quote.",
            signed.id,
            "a quote whose offers can be had",
        )
    return planned


def _plan(
    studio: Studio, spec: BatchSpec, signed: SignedBatch, *, skip_invalid: bool
) -> PlannedBatch:
    source = f"signed quote {signed.id}"
    book = PriceBook(
        version=signed.book_version,
        date=signed.book_date,
        currency=studio.book.currency,
        lines=tuple(
            PriceLine(
                offer=each.offer, unit=each.unit, price=each.price, provider_cost=0, source=source
            )
            for each in signed.prices
        ),
    )
    planner = studio.planner.promised(book, signed.expires_at)
    planned = plan_batch(studio, spec, skip_invalid=skip_invalid, planner=planner)
    return replace(planned, promise=signed.id)


def _choices(planned: PlannedBatch) -> Iterable[tuple[str, Choice]]:
    """Return who does each row, and who writes its prompt, each with the row's name."""
    for row in planned.spec.rows:
        each = planned.rows[row.name]
        yield row.name, each.plan.first
        if each.prompt is not None:
            yield row.name, each.prompt.first


def _offers(planned: PlannedBatch) -> set[str]:
    return {choice.offer.id for _, choice in _choices(planned)}


def _digest(planned: PlannedBatch) -> str:
    """Return a fingerprint of who does each row, by how many units and at what price."""
    return _print_of(
        [name, choice.offer.id, choice.offer.price.unit, choice.units, choice.price]
        for name, choice in _choices(planned)
    )


def _request_print(spec: BatchSpec) -> str:
    """Return a fingerprint of a batch's rows; keys tell of owner, fields, seeds and input files."""
    return _print_of([spec.name, *([row.name, row.key] for row in spec.rows)])


def _print_of(values: Iterable[object]) -> str:
    text = json.dumps(list(values), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
