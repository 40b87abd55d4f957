"""``studio reconcile``: what was bought of a provider beside what it says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import Fact, amount, in_credits, plain, show_facts, table
from interfaces.cli.session import Here, Session
from studio import credits as money
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console

    from billing.reports.bill import BillLine
    from billing.reports.period import Period
    from billing.reports.reconciliation import Match, Purchase, Reconciliation
    from engine.reconciling import Drift
    from engine.studio import Studio

_QUIET = Parameter(show_default=False)
_MOST_SHOWN = 50
"""Lines of each kind that people are shown; the JSON has all."""


def reconcile(
    provider: Annotated[str, Parameter(name="PROVIDER")],
    /,
    *,
    bill: Annotated[str, _QUIET] = "",
    columns: Annotated[str, _QUIET] = "",
    unit: Literal["usd", "credits"] = "usd",
    period: Annotated[str, _QUIET] = "",
    balance: Annotated[bool, Parameter(negative=())] = False,
    session: Here,
) -> int:
    """Compare what was bought of a provider with its bill.

    The jobs of all wallets are looked at. The command fails if anything differs.

    Args:
        provider: Its name.
        bill: A CSV file from the provider: its request id or the time, the cost, perhaps the model.
        columns: Its headers, as far as they are not found: id=HEADER,cost=HEADER,time=HEADER.
        unit: In what its amounts are; a credit is one US cent.
        period: A year, a month (2026-11), a day or two days with .. between them, in UTC; the days
            of the bill, if not given.
        balance: Instead of a bill, ask the provider what is left in our account, and compare that
            with when it was last asked.
    """
    if bool(bill) == balance:
        raise InvalidRequest(
            "Name the bill, or ask for the balance.", field="bill", allowed="--bill or --balance"
        )
    from engine.reconciling import known_provider  # noqa: PLC0415 - engine

    with opened_studio() as studio:
        if balance:
            return _balance(session, studio, provider)
        known_provider(studio, provider)
        return _bill(session, studio, provider, _read(bill, columns, unit), period)


def _read(bill: str, columns: str, unit: Literal["usd", "credits"]) -> list[BillLine]:
    from billing.reports.bill import read_bill  # noqa: PLC0415 - only here
    from engine.reconciling import named_columns  # noqa: PLC0415 - engine

    try:
        data = Path(bill).expanduser().read_bytes()
    except OSError as error:
        raise InvalidRequest(
            f"The bill cannot be read: {error.strerror}.",
            field="bill",
            given=bill,
            allowed="the path of a CSV file",
        ) from None
    return read_bill(data, columns=named_columns(columns), unit=unit)


def _bill(
    session: Session, studio: Studio, provider: str, lines: list[BillLine], period: str
) -> int:
    from engine.reconciling import compare, period_of_bill  # noqa: PLC0415 - engine

    when = period_of_bill(lines, period)
    with studio.database.read() as connection:
        found = compare(connection, provider, when, lines)
    session.out.result(
        _document(provider, when, found), lambda to: _show(to, provider, when, found)
    )
    return Exit.DONE if found.agrees else Exit.FAILED


def _balance(session: Session, studio: Studio, provider: str) -> int:
    from engine.reconciling import ask_balance  # noqa: PLC0415 - engine

    drift = ask_balance(studio, provider)
    session.out.result(
        _drift_document(provider, drift), lambda to: show_facts(to, _drift_facts(provider, drift))
    )
    return Exit.DONE if drift.explained else Exit.FAILED


def _drift_document(provider: str, drift: Drift) -> dict[str, Any]:
    before = drift.before
    return {
        "provider": provider,
        "at": drift.now.at.isoformat(),
        **amount("left", drift.now.amount),
        "before": {"at": before.at.isoformat(), **amount("left", before.amount)}
        if before
        else None,
        **amount("gone", drift.spent),
        **amount("ours", drift.expense),
        **amount("unknown", drift.unknown),
        **amount("difference", drift.difference),
        "explained": drift.explained,
    }


def _drift_facts(provider: str, drift: Drift) -> list[Fact]:
    pairs: list[Fact] = [(f"left at {provider}", in_credits(drift.now.amount))]
    if drift.before is None:
        return [*pairs, ("before", "it was never asked before; from now on it is compared")]
    since = timedelta(seconds=round((drift.now.at - drift.before.at).total_seconds()))
    pairs += [
        (f"{since} ago", in_credits(drift.before.amount)),
        ("gone there", in_credits(drift.spent)),
        ("by our books", in_credits(drift.expense)),
    ]
    if drift.unknown:
        pairs.append(("unknown jobs", f"up to {in_credits(drift.unknown)} more"))
    words = "all explained" if drift.explained else "not explained by our books"
    if drift.difference < 0:
        words = "more is there than our books say: was it topped up, or is its balance late?"
    pairs.append(("difference", Text(f"{in_credits(drift.difference)}: {words}", style="bold")))
    return pairs


def _document(provider: str, period: Period, found: Reconciliation) -> dict[str, Any]:
    return {
        "provider": provider,
        "from": period.start.isoformat(),
        "until": period.end.isoformat(),
        "agrees": found.agrees,
        **amount("ours", found.ours),
        **amount("theirs", found.theirs),
        "matched": len(found.matched),
        "different": [_match(each) for each in found.different],
        "found": [_match(each) for each in found.found],
        "missing_there": [_purchase(each) for each in found.missing_there],
        "missing_here": [_line(each) for each in found.missing_here],
    }


def _match(each: Match) -> dict[str, Any]:
    return {
        **_purchase(each.purchase),
        **amount("theirs", each.theirs),
        **amount("difference", each.difference),
        "lines": [line.line for line in each.lines],
    }


def _purchase(each: Purchase) -> dict[str, Any]:
    return {
        "job": each.job,
        "offer": each.model,
        "ids": list(each.ids),
        "at": each.at.isoformat(),
        **amount("ours", each.cost),
    }


def _line(each: BillLine) -> dict[str, Any]:
    return {
        "line": each.line,
        "id": each.id,
        "model": each.model,
        "at": each.at.isoformat() if each.at else None,
        **amount("theirs", each.cost),
    }


def _show(to: Console, provider: str, period: Period, found: Reconciliation) -> None:
    rows = table("", "what", "id there", "when", "ours", "theirs", right=("ours", "theirs"))
    for word, matches in (("different", found.different), ("found there", found.found)):
        for match in matches[:_MOST_SHOWN]:
            bought = match.purchase
            known_as = plain(match.lines[0].id)
            amounts = money.show(bought.cost), money.show(match.theirs)
            rows.add_row(word, bought.job, known_as, f"{bought.at:%m-%d %H:%M}", *amounts)
    for bought in found.missing_there[:_MOST_SHOWN]:
        known_as, when = plain(next(iter(bought.ids), "")), f"{bought.at:%m-%d %H:%M}"
        rows.add_row("missing there", bought.job, known_as, when, money.show(bought.cost), "")
    for line in found.missing_here[:_MOST_SHOWN]:
        when, what = f"{line.at:%m-%d %H:%M}" if line.at else "", plain(line.model)
        rows.add_row("missing here", what, plain(line.id), when, "", money.show(line.cost))
    if rows.row_count:
        to.print(rows)
    facts: list[Fact] = [
        ("provider", f"{provider}, {period.name}"),
        ("the same", str(len(found.matched))),
        ("different", str(len(found.different))),
        ("missing there", str(len(found.missing_there))),
        ("missing here", str(len(found.missing_here))),
        ("ours", in_credits(found.ours)),
        ("theirs", in_credits(found.theirs)),
    ]
    if found.found:
        words = f"{len(found.found)}: `studio jobs resolve JOB bought`"
        facts.insert(3, ("unknown here, on the bill", words))
    show_facts(to, facts)
