"""``studio providers``: who there is, what they sell, and how they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import plain, table
from interfaces.cli.session import Here
from studio import credits as money
from studio.errors import NotFound, PriceUnknown

if TYPE_CHECKING:
    from rich.console import Console

    from engine.studio import Studio
    from providers import Health

_CHECK_SECONDS = 20


def providers(
    name: Annotated[str, Parameter(name="PROVIDER", show_default=False)] = "",
    /,
    *,
    offers: Annotated[bool, Parameter(negative=())] = False,
    session: Here,
) -> int:
    """See who there is, and what they sell.

    Args:
        name: Only this one, with its offers.
        offers: List what each of them sells, with prices.
    """
    with opened_studio() as studio:
        if name and name not in studio.providers:
            raise NotFound(
                "There is no such provider.",
                field="provider",
                given=name,
                allowed=", ".join(studio.providers),
            )
        wanted = [name] if name else list(studio.providers)
        health = studio.loop.run(_ask(studio, wanted))
        documents = [_document(studio, each, health[each]) for each in wanted]
    session.out.result(
        {"providers": documents}, lambda to: _show(to, documents, with_offers=offers or bool(name))
    )
    return Exit.DONE


async def _ask(studio: Studio, names: list[str]) -> Mapping[str, Health]:
    from providers import Health  # noqa: PLC0415 - heavy

    async def one(name: str) -> Health:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return await studio.providers[name].check()
        except TimeoutError:
            return Health(reachable=False, says=f"no answer within {_CHECK_SECONDS} seconds")

    return dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))


def _document(studio: Studio, name: str, health: Health) -> dict[str, Any]:
    provider = studio.providers[name]
    return {
        "provider": name,
        "reachable": health.reachable,
        "says": health.says,
        "balance": health.balance,
        "rests": studio.pacing.rests(provider),
        "offers": [
            {
                "offer": offer.id,
                "operation": offer.operation,
                "model": offer.model,
                "quality": list(offer.quality),
                "price": _price(studio, offer.id),
                "unit": offer.price.unit,
                "ceiling": offer.usage,
                "not_ready": provider.not_ready(offer),
                "says": offer.says,
            }
            for offer in provider.offers()
        ],
    }


def _price(studio: Studio, offer: str) -> str | None:
    try:
        return money.show(studio.book.line(offer).price)
    except PriceUnknown:
        return None


def _show(to: Console, documents: list[dict[str, Any]], *, with_offers: bool) -> None:
    rows = table("provider", "can be asked", "offers", "balance", "says", right=("offers",))
    for each in documents:
        ready = each["reachable"] and not each["rests"]
        rows.add_row(
            each["provider"],
            Text("yes", style="green") if ready else Text("no", style="red"),
            str(len(each["offers"])),
            plain(each["balance"]),
            plain(each["rests"] or each["says"]),
        )
    to.print(rows)
    if with_offers:
        to.print(_offers_table(documents))


def _offers_table(documents: list[dict[str, Any]]) -> Any:
    rows = table("offer", "operation", "credits", "a", "quality", right=("credits",))
    for each in documents:
        for offer in each["offers"]:
            price = offer["price"] or "not for sale"
            rows.add_row(
                plain(offer["offer"]),
                offer["operation"],
                f"up to {price}" if offer["ceiling"] else price,
                offer["unit"],
                ", ".join(offer["quality"]),
            )
    return rows
