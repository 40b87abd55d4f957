"""What a batch is made of: rows, the references between them, and what is wrong with a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from studio.operations import Operation


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a batch file.

    Attributes:
        line: line of the file on which the faulty record starts, from 1.
        row: the record's name; empty for the header and for the file as a whole.
        field: the column at fault; empty where the whole line is.
        value: what was found there, at most 120 characters.
        rule: what would be right.
    """

    line: int
    row: str
    field: str
    value: str
    rule: str

    def as_dict(self) -> dict[str, Any]:
        """The problem as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        """The problem as one line for a person; nothing in it can steer a terminal."""
        place = f"line {self.line}" + (f", {self.field}" if self.field else "")
        text = f"{place}: {self.rule}" + (f" (given: {self.value})" if self.value else "")
        return "".join(it if it.isprintable() else ascii(it)[1:-1] for it in text)


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture field that takes what an earlier row of the same batch makes.

    Attributes:
        field: the operation's field; its text is ``@row`` or ``@row:output`` as in the file.
        row: name of the earlier row.
        position: which of that row's outputs, from 0.
    """

    field: str
    row: str
    position: int


NOTHING: Mapping[str, Any] = MappingProxyType({})
"""One for all rows without notes: one for each would be much of their memory."""


@dataclass(frozen=True, slots=True)
class Row:
    """One piece of work of a batch.

    Attributes:
        line: line of the file on which it starts, from 1.
        name: unique in the batch; its line number where the file gives none.
        key: SHA-256 in hexadecimal of owner, request and, where the request names earlier rows,
            their keys: equal keys are the same work, and an edited row changes the keys of all
            rows that build on it. Neither name nor line nor batch is part of it.
        operation: the request; every seed is chosen.
        references: its fields that name earlier rows.
        same_as: name of the first row with the same key, which does the work for both; empty for
            that first row itself.
        part: which of the line's variations it is, from 1; 0 for a row of its own. The second
            step of a chain has 100 more, the third 200, and so on.
        notes: what the studio changed in the request as the file gives it. They are for the run
            that read the file, and not kept with the batch.
    """

    line: int
    name: str
    key: str
    operation: Operation
    references: tuple[Reference, ...] = ()
    same_as: str = ""
    part: int = 0
    notes: Mapping[str, Any] = field(default_factory=lambda: NOTHING, compare=False)

    @property
    def after(self) -> frozenset[str]:
        """Names of the rows whose outputs it needs."""
        return frozenset(reference.row for reference in self.references)


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """A batch whose rows are all in order.

    Attributes:
        id: ``bat_`` and 20 hexadecimal digits, from owner, name and rows: the same file read
            again is the same batch, under another name it is another one.
        owner: who pays and whose library is filled.
        name: chosen by the owner to tell repetitions of one file apart; may be empty.
        source: the file's name, for people.
        rows: in the order of the file.
        left_out: what was wrong with rows that were left out because that was asked for; the
            last run's are kept with the batch.
    """

    id: str
    owner: str
    name: str
    source: str
    rows: tuple[Row, ...]
    left_out: tuple[Problem, ...] = field(default=(), compare=False)


def waves(rows: Iterable[Row]) -> tuple[tuple[Row, ...], ...]:
    """Sort rows into layers, each of which needs only what the layers before it make.

    The order of the file is kept within a layer, and a row sits in the earliest layer it can.
    A name that is not among ``rows`` counts as made already, so that the rest of a batch can be
    layered by itself.

    Raises:
        ValueError: a row stands before one that it needs.
    """
    rows = tuple(rows)
    waiting = {row.name for row in rows}
    depths: dict[str, int] = {}
    layers: list[list[Row]] = []
    for row in rows:
        needed = row.after & waiting
        if not needed <= depths.keys():
            raise ValueError(f"row {row.name!r} stands before a row that it needs")
        depth = max((depths[name] + 1 for name in needed), default=0)
        depths[row.name] = depth
        if depth == len(layers):
            layers.append([])
        layers[depth].append(row)
    return tuple(tuple(layer) for layer in layers)
