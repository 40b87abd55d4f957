"""``studio prices``: what things cost, what they cost the operator, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.groups import HELP, group
from interfaces.cli.output import Fact, amount, plain, show_facts, table
from interfaces.cli.session import Here
from studio import credits as money
from studio.clock import now
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console

    from billing.pricebook import PriceBook, PriceLine
    from billing.pricediff import PriceChange, PriceDiff

app = group("prices", "See prices, costs and margins, and what changed.")

# Named by its place: engine and providers are loaded when it is asked for.
app.command(
    "interfaces.cli.whatif:what_if",
    name="what-if",
    help="Price a batch with each provider that could do it, and say which rows it cannot do.",
    **HELP,
)

_Book = Annotated[str, Parameter(name="--book", show_default=False)]


def _open(version: str) -> PriceBook:
    from billing.pricebook import current, find  # noqa: PLC0415 - pydantic is heavy

    return find(version) if version else current(now().date())


@app.command(name="list")
def list_(*, provider: str = "", book: _Book = "", session: Here) -> int:
    """List the prices of a price book.

    Args:
        provider: Only what this one sells.
        book: Its version; the one in force today, if not given.
    """
    prices = _open(book)
    lines = [line for line in prices.lines if provider in {"", line.provider}]
    if not lines:
        raise InvalidRequest(
            "The price book has no prices of this provider.",
            field="provider",
            given=provider,
            allowed=", ".join(sorted({line.provider for line in prices.lines})),
        )
    session.out.result(
        {**_book_document(prices), "prices": [_line_document(line) for line in lines]},
        lambda to: _show_list(to, prices, lines),
    )
    return Exit.DONE


@app.command
def show(
    offer: Annotated[str, Parameter(name="OFFER")], /, *, book: _Book = "", session: Here
) -> int:
    """Show the price of an offer, and where it comes from.

    Args:
        offer: Its id, such as local/illustrator.
        book: The price book's version; the one in force today, if not given.
    """
    prices = _open(book)
    line = prices.line(offer)
    session.out.result(
        {**_book_document(prices), **_line_document(line)},
        lambda to: show_facts(to, _line_facts(prices, line)),
    )
    return Exit.DONE


@app.command
def books(*, session: Here) -> int:
    """List the price books, the oldest first."""
    from billing.pricebook import books as all_books  # noqa: PLC0415 - pydantic is heavy

    found, today = all_books(), _open("").version
    document = [{**_book_document(each), "in_force": each.version == today} for each in found]

    def tell(to: Console) -> None:
        rows = table("book", "from", "offers", "", right=("offers",))
        for each in found:
            words = "in force" if each.version == today else ""
            rows.add_row(each.version, each.date.isoformat(), str(len(each.lines)), words)
        to.print(rows)

    session.out.result({"books": document}, tell)
    return Exit.DONE


@app.command
def diff(
    old: Annotated[str, Parameter(name="OLD")],
    new: Annotated[str, Parameter(name="NEW", show_default=False)] = "",
    /,
    *,
    session: Here,
) -> int:
    """Say what changed from one price book to another.

    Args:
        old: The version of the older one.
        new: That of the newer one; the one in force today, if not given.
    """
    from billing.pricediff import diff as compare  # noqa: PLC0415 - pydantic is heavy

    found = compare(_open(old), _open(new))
    session.out.result(_diff_document(found), lambda to: _show_diff(to, found))
    return Exit.DONE


def _book_document(book: PriceBook) -> dict[str, Any]:
    return {"book": book.version, "date": book.date.isoformat(), "offers": len(book.lines)}


def _line_document(line: PriceLine) -> dict[str, Any]:
    return {
        "offer": line.offer,
        "unit": line.unit,
        **amount("cost", line.provider_cost),
        **amount("price", line.price),
        **amount("margin", line.margin),
        "margin_share": _share(line),
        "source": line.source,
    }


def _share(line: PriceLine) -> str:
    """Return the margin as a part of the price."""
    from billing.pricediff import percent  # noqa: PLC0415 - pydantic is heavy

    return percent(line.margin, line.price).removeprefix("+")


def _line_facts(book: PriceBook, line: PriceLine) -> list[Fact]:
    return [
        ("offer", Text(line.offer, style="bold")),
        ("sold by the", line.unit),
        ("price", f"{money.show(line.price)} credits (US$ {money.dollars(line.price)})"),
        (
            "costs us",
            f"{money.show(line.provider_cost)} credits (US$ {money.dollars(line.provider_cost)})",
        ),
        ("margin", f"{money.show(line.margin)} credits, {_share(line) or 'of nothing'}"),
        ("source", plain(line.source)),
        ("book", f"{book.version}, from {book.date}"),
    ]


def _show_list(to: Console, book: PriceBook, lines: list[PriceLine]) -> None:
    rows = table("offer", "a", "cost", "price", "margin", "", right=("cost", "price", "margin", ""))
    for line in lines:
        rows.add_row(
            line.offer,
            line.unit,
            money.show(line.provider_cost),
            money.show(line.price),
            Text(money.show(line.margin), style="red" if line.margin < 0 else ""),
            _share(line),
        )
    to.print(rows)
    to.print(
        Text(f"Credits for one unit; price book {book.version}, from {book.date}.", style="dim")
    )


def _diff_document(found: PriceDiff) -> dict[str, Any]:
    return {
        "old": _book_document(found.old),
        "new": _book_document(found.new),
        "added": [_line_document(line) for line in found.added],
        "removed": [_line_document(line) for line in found.removed],
        "changed": [_change_document(change) for change in found.changed],
        "same": found.same,
    }


def _change_document(change: PriceChange) -> dict[str, Any]:
    return {
        "offer": change.old.offer,
        "old": _line_document(change.old),
        "new": _line_document(change.new),
        "price_change": change.price_change,
        "cost_change": change.cost_change,
    }


def _show_diff(to: Console, found: PriceDiff) -> None:
    rows = table("", "offer", "a", "price", "", "cost", "", right=("price", "cost"))
    for change in found.changed:
        old, new = change.old, change.new
        unit = old.unit if old.unit == new.unit else f"{old.unit} → {new.unit}"
        rows.add_row(
            Text("changed", style="yellow"),
            old.offer,
            unit,
            _moved(old.price, new.price),
            change.price_change,
            _moved(old.provider_cost, new.provider_cost),
            change.cost_change,
        )
    for word, colour, lines in (
        ("added", "green", found.added),
        ("removed", "red", found.removed),
    ):
        for line in lines:
            price, cost = money.show(line.price), money.show(line.provider_cost)
            rows.add_row(Text(word, style=colour), line.offer, line.unit, price, "", cost, "")
    if rows.row_count:
        to.print(rows)
    words = (
        f"{found.old.version} → {found.new.version}: {len(found.changed)} changed, "
        f"{len(found.added)} added, {len(found.removed)} removed, {found.same} the same."
    )
    to.print(Text(words, style="dim"))


def _moved(old: int, new: int) -> str:
    return money.show(new) if old == new else f"{money.show(old)} → {money.show(new)}"
