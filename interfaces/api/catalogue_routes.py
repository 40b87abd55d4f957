"""What can be asked for: operations, providers and their offers, prices, templates, formats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from engine.studio import Studio
from interfaces.api.answers import Amount, Answer
from interfaces.api.bodies import schema_of
from interfaces.api.identity import Reader, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from providers import Provider as Sells
from studio import catalog
from studio.catalog.social_formats import SOCIAL_FORMATS
from studio.errors import NotFound, PriceUnknown
from studio.operations import OPERATIONS

router = APIRouter(route_class=KeyFirst, tags=["catalogue"])

_Word = Annotated[str, Query(max_length=60)]


class Operation(Answer):
    """Something that can be asked for."""

    operation: str
    module: str
    title: str
    summary: str
    body: Mapping[str, Any] = Field(description="The JSON schema of its request.")


class Operations(Answer):
    """All of them."""

    operations: list[Operation]


class Offer(Answer):
    """What a provider sells for an operation."""

    offer: str
    operation: str
    model: str
    unit: str
    price: Amount | None = Field(description="For one unit; null for what is not sold.")
    ceiling: bool = Field(description="Whether the price is the most that it may come to.")
    not_ready: str = Field(description="Why it cannot be had now; empty if it can.")
    says: str


class Provider(Answer):
    """Who does the work."""

    provider: str
    rests: str = Field(description="Why it is left alone for a while; empty if it is not.")
    offers: list[Offer]


class Providers(Answer):
    """All of them."""

    providers: list[Provider]


class Price(Answer):
    """The price of one unit of an offer."""

    offer: str
    unit: str
    price: Amount


class Prices(Answer):
    """The price book in force."""

    book: str
    date: date
    prices: list[Price]


class Template(Answer):
    """Size, style and quality for a purpose."""

    id: str
    name: str
    platform: str
    category: str
    width: int
    height: int
    ratio: str
    style: str
    quality: str
    description: str
    use_cases: list[str]
    reason: str = Field(description="Why it suits, where that was asked.")


class Templates(Answer):
    """Templates, the best first where something was looked for."""

    templates: list[Template]


class Format(Answer):
    """A size that a platform shows."""

    id: str
    platform: str
    name: str
    width: int
    height: int
    safe_zone: list[float] = Field(
        description="Shares of the picture that the platform may cover: top, bottom, left, right."
    )
    max_bytes: int


class Formats(Answer):
    """Formats of social platforms."""

    formats: list[Format]


@router.get(
    "/operations", operation_id="list_operations", summary="List operations", responses=refuses()
)
def operations(
    _who: Reader, module: Annotated[str, Query(max_length=60, description="Only of this one.")] = ""
) -> Operations:
    """List what can be asked for, with the schema of each request."""
    return Operations(
        operations=[
            Operation(
                operation=name,
                module=kind.module,
                title=kind.title,
                summary=kind.summary,
                body=schema_of(name),
            )
            for name, kind in OPERATIONS.items()
            if module in {"", kind.module}
        ]
    )


@router.get(
    "/providers", operation_id="list_providers", summary="List providers", responses=refuses()
)
def providers(
    _who: Reader, studio: StudioHere, operation: Annotated[str, Query(max_length=60)] = ""
) -> Providers:
    """List who does the work and what each sells, all of it or for one operation."""
    return Providers(
        providers=[
            Provider(
                provider=name,
                rests=studio.pacing.rests(provider),
                offers=offers_of(studio, provider, {operation} if operation else None),
            )
            for name, provider in studio.providers.items()
        ]
    )


def offers_of(studio: Studio, provider: Sells, of: Collection[str] | None) -> list[Offer]:
    """Return what a provider sells: all of it, or for some operations."""

    def price(offer: str) -> Amount | None:
        try:
            return Amount.of(studio.book.line(offer).price)
        except PriceUnknown:
            return None

    return [
        Offer(
            offer=offer.id,
            operation=offer.operation,
            model=offer.model,
            unit=offer.price.unit,
            price=price(offer.id),
            ceiling=offer.usage,
            not_ready=provider.not_ready(offer),
            says=offer.says,
        )
        for offer in provider.offers()
        if of is None or offer.operation in of
    ]


@router.get("/prices", operation_id="list_prices", summary="List prices", responses=refuses())
def prices(
    _who: Reader, studio: StudioHere, provider: Annotated[str, Query(max_length=60)] = ""
) -> Prices:
    """List what units of offers cost by the price book in force."""
    book = studio.book
    return Prices(
        book=book.version,
        date=book.date,
        prices=[
            Price(offer=line.offer, unit=line.unit, price=Amount.of(line.price))
            for line in book.lines
            if provider in {"", line.provider}
        ],
    )


@router.get(
    "/templates", operation_id="list_templates", summary="List templates", responses=refuses()
)
def templates(_who: Reader, platform: _Word = "", category: _Word = "") -> Templates:
    """List templates, all of them or those of a platform or category."""
    return _templates(catalog.listed(platform, category))


@router.get(
    "/templates/search",
    operation_id="search_templates",
    summary="Find templates",
    responses=refuses(),
)
def search(
    _who: Reader,
    query: Annotated[str, Query(min_length=1, max_length=200, examples=["story"])],
    platform: _Word = "",
    category: _Word = "",
) -> Templates:
    """Find templates by words, a size (1080x1920) or a ratio (9:16), the best first."""
    return _templates(catalog.search(query, platform, category))


@router.get(
    "/templates/recommend",
    operation_id="recommend_templates",
    summary="Say which templates suit",
    responses=refuses(),
)
def recommend(
    _who: Reader,
    use_case: Annotated[str, Query(min_length=1, max_length=200, examples=["product launch"])],
    platform: _Word = "",
) -> Templates:
    """Say which templates suit a use case and why, the best first."""
    found = catalog.recommend(use_case, platform)
    return Templates(templates=[_template(each.template, each.reason) for each in found])


@router.get(
    "/social/platforms/{platform}/formats",
    operation_id="list_formats",
    summary="List a platform's formats",
    responses=refuses(404),
)
def formats(
    _who: Reader, platform: Annotated[str, Path(max_length=60, examples=["instagram"])]
) -> Formats:
    """List the sizes that a social platform shows."""
    found = [each for each in SOCIAL_FORMATS.values() if each.platform == platform]
    if not found:
        known = ", ".join(dict.fromkeys(each.platform for each in SOCIAL_FORMATS.values()))
        raise NotFound("No such platform.", field="platform", given=platform, allowed=known)
    return Formats(formats=[Format.model_validate(each, from_attributes=True) for each in found])


def _templates(found: Iterable[catalog.Template]) -> Templates:
    return Templates(templates=[_template(each) for each in found])


def _template(each: catalog.Template, reason: str = "") -> Template:
    known = {name: getattr(each, name) for name in Template.model_fields if name != "reason"}
    return Template(**{**known, "use_cases": list(each.use_cases)}, reason=reason)
