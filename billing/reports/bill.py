"""A provider's own bill, as a CSV file: one line for each thing that it charged.

Every provider calls its columns otherwise, so they are named, or guessed by their headers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from studio import credits as money
from studio.errors import InvalidRequest, shorten

Unit = Literal["usd", "credits"]
"""In what the bill's amounts are; a credit is one US cent, as at Stability."""

MOST_BYTES = 200_000_000
MOST_LINES = 1_000_000
_MOST_PROBLEMS = 1_000

_MICRO: Mapping[Unit, int] = {"usd": 100 * money.MICRO, "credits": money.MICRO}

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": (
        "request id", "id", "prediction id", "task id", "generation id", "response id", "job id",
        "inference id",
    ),
    "cost": ("cost", "amount", "price", "charge", "total", "credits", "cost usd", "amount usd"),
    "time": ("time", "date", "created", "created at", "timestamp", "usage time", "start time"),
    "model": ("model", "model id", "endpoint", "product", "sku", "service", "description"),
}  # fmt: skip
"""What is read from a bill, and the headers by which each is found. Only the cost is needed, and
the id or the time."""

_MONEY = re.compile(r"^(-?)\s*(?:US)?\$?\s*(-?)")
_SECONDS = re.compile(r"\d{9,10}(\.\d+)?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BillLine:
    """What a provider charged for one thing.

    Attributes:
        line: of the file, from 1.
        id: the provider's name for it; empty where the bill has none.
        cost: micro-credits at US$0.01 a credit; below 0 for what it gave back.
        at: when; ``None`` where the bill does not say.
        model: in the provider's words.
    """

    line: int
    id: str
    cost: int
    at: datetime | None
    model: str


def read_bill(
    data: bytes, *, columns: Mapping[str, str] | None = None, unit: Unit = "usd"
) -> list[BillLine]:
    """Return the lines of a bill, as they stand in the file.

    Args:
        data: the file, in UTF-8.
        columns: the headers of ``id``, ``cost``, ``time`` and ``model`` as far as they are not
            found by themselves.
        unit: in what the amounts are.

    Raises:
        InvalidRequest: the file is none, lacks a column, or has faulty lines, all of which (up to
            1,000) are in ``details['problems']``.
    """
    rows = _rows(data)
    places = _places(rows[0], columns or {})
    lines: list[BillLine] = []
    problems: list[dict[str, Any]] = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            lines.append(_line(number, row, places, unit))
        except _Faulty as fault:
            problems.append(fault.as_dict(number, rows[0]))
            if len(problems) == _MOST_PROBLEMS:
                break
    if problems:
        raise InvalidRequest(
            f"{len(problems)} lines of the bill cannot be read.", field="bill", problems=problems
        )
    return lines


class _Faulty(ValueError):
    """A cell that cannot be read."""

    def __init__(self, place: int, value: str, rule: str) -> None:
        super().__init__(rule)
        self.place, self.value, self.rule = place, value, rule

    def as_dict(self, line: int, header: Sequence[str]) -> dict[str, Any]:
        return {
            "line": line,
            "row": "",
            "field": header[self.place] if self.place < len(header) else "",
            "value": shorten(self.value),
            "rule": self.rule,
        }


def _rows(data: bytes) -> list[list[str]]:
    allowed = f"a CSV file in UTF-8 of up to {MOST_LINES} lines and {MOST_BYTES // 10**6} MB"
    if len(data) > MOST_BYTES:
        raise InvalidRequest("The bill is too large.", field="bill", allowed=allowed)
    try:
        text = data.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(
            f"The bill cannot be read: {error}.", field="bill", allowed=allowed
        ) from None
    if not 1 <= len(rows) - 1 <= MOST_LINES:
        raise InvalidRequest(
            "The bill has no lines, or too many.",
            field="bill",
            given=f"{max(0, len(rows) - 1)} lines",
            allowed=allowed,
        )
    return rows


def _places(header: Sequence[str], named: Mapping[str, str]) -> dict[str, int]:
    """Return where each column stands."""
    for name in named:
        if name not in COLUMNS:
            raise InvalidRequest(
                "A bill has no such column.",
                field="columns",
                given=name,
                allowed=", ".join(COLUMNS),
            )
    known = {_plain(title): place for place, title in reversed(list(enumerate(header)))}
    places: dict[str, int] = {}
    for name, titles in COLUMNS.items():
        wanted = (named[name],) if name in named else titles
        found = [known[_plain(title)] for title in wanted if _plain(title) in known]
        if found:
            places[name] = found[0]
        elif name in named:
            raise _lacks(name, named[name], header)
    if "cost" not in places:
        raise _lacks("cost", "", header)
    if "id" not in places and "time" not in places:
        raise _lacks("id or time", "", header)
    return places


def _lacks(name: str, given: str, header: Sequence[str]) -> InvalidRequest:
    return InvalidRequest(
        f"The bill has no column for the {name}. `--columns cost=HEADER,id=HEADER` names them.",
        field="columns",
        given=given or None,
        allowed=shorten(", ".join(header)),
    )


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", title.lower()).strip()


def _line(number: int, row: Sequence[str], places: Mapping[str, int], unit: Unit) -> BillLine:
    def cell(name: str) -> str:
        place = places.get(name)
        return row[place].strip() if place is not None and place < len(row) else ""

    return BillLine(
        line=number,
        id=cell("id"),
        cost=_amount(cell("cost"), places["cost"], unit),
        at=_moment(cell("time"), places.get("time", 0)),
        model=cell("model"),
    )


def _amount(text: str, place: int, unit: Unit) -> int:
    """Return micro-credits, rounded to the nearest."""
    plain = _MONEY.sub(r"\1\2", text).replace(",", "")
    try:
        exact = Decimal(plain) * _MICRO[unit]
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or abs(exact) > money.MOST:
        raise _Faulty(place, text, "must be an amount such as 0.04 or $0.04")
    return int(exact.to_integral_value())


def _moment(text: str, place: int) -> datetime | None:
    """Return a moment; without a zone it is taken for UTC."""
    if not text:
        return None
    try:
        if _MILLISECONDS.fullmatch(text):
            return _EPOCH + timedelta(milliseconds=int(text))
        if _SECONDS.fullmatch(text):
            return _EPOCH + timedelta(seconds=float(text))
        found = datetime.fromisoformat(text.removesuffix(" UTC"))
    except (ValueError, OverflowError):
        raise _Faulty(place, text, "must be a date and time such as 2026-11-29 13:05:00") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
