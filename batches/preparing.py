"""From a sheet as it was written to one in which every row is a single request.

Here the file's owner's shorthand is written out: what was given for the whole file, variables,
chains, and the columns of a manifest or an errors file that comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from batches.chains import BETWEEN, Step, main_input, read_chain
from batches.columns import COLUMNS, columns_of
from batches.encoding import ENCODINGS
from batches.mending import FAULTS, unmarked
from batches.remaking import from_manifest, is_manifest
from batches.sheet import MOST_ROWS, Line, Sheet
from batches.spec import Problem
from batches.variables import OWN, fill, has_braces
from studio import clock
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS

_KNOWN = frozenset(COLUMNS)
_NOT_FILLED = frozenset({"row", "operation"})


@dataclass(frozen=True, slots=True)
class Given:
    """What its owner says of a whole file.

    Attributes:
        operation: of rows that name none; an operation or a chain.
        defaults: for cells that are empty or not there, by column. They count for the rows whose
            operation has the field.
        encoding: of a text that is neither UTF-8 nor UTF-16, one of ``ENCODINGS``.
        skip_invalid: whether faulty rows, and those that build on them, are left out.
        day: what ``{date}`` stands for; the day it is in UTC by default.
        time: what ``{time}`` stands for; the hour and minute it is in UTC by default.

    Raises:
        InvalidRequest: there is no such operation, column or encoding.
    """

    operation: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    skip_invalid: bool = False
    day: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        """Refuse at once what would otherwise be a fault of every row."""
        if self.encoding and self.encoding not in ENCODINGS:
            raise InvalidRequest(
                "There is no such encoding.",
                field="encoding",
                given=self.encoding,
                allowed=", ".join(ENCODINGS),
            )
        for column in self.defaults:
            if column not in _KNOWN - _NOT_FILLED:
                raise InvalidRequest(
                    "There is no such field.",
                    field="defaults",
                    given=column,
                    allowed=", ".join(it for it in COLUMNS if it not in _NOT_FILLED),
                )
        for step in read_chain(self.operation) if self.operation else ():
            if step.fault or step.operation not in OPERATIONS:
                raise InvalidRequest(
                    "There is no such operation.",
                    field="operation",
                    given=self.operation,
                    allowed=step.fault or ", ".join(OPERATIONS),
                )


NOTHING_GIVEN = Given()


def given_of(
    operation: str = "", defaults: str = "", encoding: str = "", *, skip_invalid: bool = False
) -> Given:
    """Return what a form says of a whole file.

    Args:
        operation: as for ``Given``.
        defaults: a line ``field=value`` for each.
        encoding: as for ``Given``.
        skip_invalid: as for ``Given``.

    Raises:
        InvalidRequest: one of them is not right.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, defaults.splitlines())):
        column, equals, value = line.partition("=")
        column = column.strip()
        if not equals or column in found:
            raise InvalidRequest(
                "Defaults are given as field=value, each once.", field="defaults", given=line
            )
        found[column] = value.strip()
    return Given(operation.strip(), found, encoding.strip().lower(), skip_invalid)


@dataclass(slots=True)
class _Written:
    """A row while it is written out: its cells by column, and where they came from."""

    line: Line
    cells: dict[str, str]
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    stage: int = 0


def prepare(sheet: Sheet, given: Given) -> Sheet:
    """Return a sheet whose lines are single requests.

    Columns that are nothing but variables are dropped, those that a chain or a default needs are
    added. A column that nobody uses stays, to be reported.
    """
    sheet = replace(sheet, columns=columns_of(sheet.columns))
    if is_manifest(sheet):
        sheet = from_manifest(sheet, given.operation)
    elif FAULTS[1] in sheet.columns:
        sheet = _as_written(sheet)
    if not sheet.columns or not _needs_writing(sheet, given):
        return sheet
    writer = _Writer(sheet.columns, given)
    written: list[_Written] = []
    problems = list(sheet.problems)
    for number, line in enumerate(sheet.lines, start=1):
        written += writer.write(line, number)
        if len(written) > MOST_ROWS:
            rule = f"with the steps of its chains, a batch may have {MOST_ROWS} rows at most"
            problems.append(Problem(line.number, "", "operation", "", rule))
            break
    kept = [it for it in sheet.columns if it in _KNOWN or it not in {*writer.used, *FAULTS}]
    columns = (*kept, *_added(kept, written))
    lines = tuple(_as_line(each, columns) for each in written)
    return Sheet(sheet.line, columns, lines, problems)


def _as_written(sheet: Sheet) -> Sheet:
    """Return an errors file that comes back as its rows were before it was made safe."""
    lines = (replace(it, cells=tuple(map(unmarked, it.cells))) for it in sheet.lines)
    return Sheet(sheet.line, sheet.columns, tuple(lines), sheet.problems)


def _needs_writing(sheet: Sheet, given: Given) -> bool:
    if given.operation or given.defaults or not _KNOWN.issuperset(sheet.columns):
        return True
    place = sheet.columns.index("operation") if "operation" in sheet.columns else -1
    for line in sheet.lines:
        cells = line.cells
        operation = cells[place].strip() if 0 <= place < len(cells) else ""
        if BETWEEN in operation or " " in operation:
            return True
        if any(map(has_braces, cells)):
            return True
    return False


class _Writer:
    """Writes out the lines of one sheet.

    Attributes:
        used: the variables that its cells name.
    """

    def __init__(self, columns: Sequence[str], given: Given) -> None:
        self._columns = columns
        self._given = given
        moment = clock.now()
        self._day = given.day or moment.date().isoformat()
        self._time = given.time or f"{moment:%H:%M}"
        self.used: set[str] = set()

    def write(self, line: Line, number: int) -> Iterator[_Written]:
        """Yield the rows that a line stands for."""
        cells: dict[str, str] = {}
        for column, text in zip(self._columns, line.cells, strict=False):
            if column:
                cells.setdefault(column, text.strip())
        if line.fault:
            yield _Written(line, cells)
            return
        name = cells.get("row") or str(line.number)
        variables = self._variables(cells, name, number)
        steps = read_chain(cells.get("operation") or self._given.operation)
        mine = {column: text for column, text in cells.items() if column in _KNOWN and text}
        shares = _shared_out(mine, steps, self._given.defaults)
        shared = {column for share in shares for column in share}
        for stage, (step, share) in enumerate(zip(steps, shares, strict=True), start=1):
            notes = [
                it for it in line.notes if it[0] in share or (stage == 1 and it[0] not in shared)
            ]
            row = _step(line, step, share, notes)
            if len(steps) > 1:
                _link(row, name, stage, operation=step.operation)
            if stage < len(steps) and row.cells.get("variations", "1") != "1":
                rule = "only the last step of a chain may make several"
                row.notes.append(("variations", row.cells["variations"], rule))
            self._fill(row, variables)
            yield row

    def _variables(self, cells: Mapping[str, str], name: str, number: int) -> dict[str, str]:
        own = dict(zip(OWN, (self._day, self._time, name, str(number)), strict=True))
        columns = {column: text for column, text in cells.items() if column not in FAULTS}
        return {**own, **columns, "row": name}

    def _fill(self, row: _Written, variables: Mapping[str, str]) -> None:
        for column, text in row.cells.items():
            if column in _NOT_FILLED or not has_braces(text):
                continue
            filled, names, fault = fill(text, variables)
            self.used |= names
            if fault:
                row.notes.append((column, text, fault))
            else:
                row.cells[column] = filled.strip()


def _shared_out(
    cells: Mapping[str, str], steps: Sequence[Step], defaults: Mapping[str, str]
) -> list[dict[str, str]]:
    """Give each cell to the first step whose operation has that field.

    A cell that belongs to none is the first one's, where it is reported; a default is then
    nobody's. What the chain itself gives a step goes before a default.
    """
    shares: list[dict[str, str]] = [{} for _ in steps]
    for column, text in cells.items():
        if column not in _NOT_FILLED:
            shares[_taker(column, steps) or 0][column] = text
    for column, text in defaults.items():
        taker = _taker(column, steps)
        if taker is not None and column not in cells and column not in steps[taker].values:
            shares[taker][column] = text
    if "row" in cells:
        shares[0]["row"] = cells["row"]
    return shares


def _taker(column: str, steps: Sequence[Step]) -> int | None:
    """Return the first step whose operation has a field that is not what the one before makes."""
    takers = (
        place
        for place, step in enumerate(steps)
        if step.operation in OPERATIONS
        and column in OPERATIONS[step.operation].model_fields
        and not (place and column == main_input(step.operation))
    )
    return next(takers, None)


def _step(
    line: Line, step: Step, share: dict[str, str], notes: list[tuple[str, str, str]]
) -> _Written:
    row = _Written(line, {**share, "operation": step.operation}, notes)
    if step.fault:
        row.notes.append(("operation", step.operation, step.fault))
    for column, text in step.values.items():
        if column in share:
            rule = f"the chain gives {column} as well: {text}"
            row.notes.append((column, share[column], rule))
        row.cells[column] = text
        row.origins[column] = "operation"
    return row


def _link(row: _Written, name: str, stage: int, *, operation: str) -> None:
    """Name a step, and have it take what the step before it makes."""
    row.stage = stage
    if stage == 1:
        return
    row.cells["row"] = f"{name}.{stage}"
    before = name if stage == 2 else f"{name}.{stage - 1}"  # noqa: PLR2004 - the first has no number
    taken = main_input(operation) if operation in OPERATIONS else ""
    if taken:
        row.cells[taken] = f"@{before}"
        row.origins[taken] = "operation"
    elif operation in OPERATIONS:
        rule = f"{operation} takes no picture, so it must be the first step"
        row.notes.append(("operation", operation, rule))


def _added(kept: Sequence[str], written: Iterable[_Written]) -> list[str]:
    """Return the columns that rows have and the file has not."""
    there = set(kept)
    found = {column for each in written for column in each.cells if column in _KNOWN}
    return [column for column in COLUMNS if column in found - there]


def _as_line(row: _Written, columns: Sequence[str]) -> Line:
    cells = [row.cells.get(column, "") for column in columns]
    return replace(
        row.line, cells=cells, notes=tuple(row.notes), stage=row.stage, origins=row.origins
    )
