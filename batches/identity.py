"""What makes a row the row it is: chosen seeds, keys, and the batch's id."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import Any

from batches.rows import Draft, part_names, with_all_fields
from batches.spec import BatchSpec, Problem, Reference, Row
from studio.operations import InputKind, Operation, input_fields

Identify = Callable[[str, InputKind], str]
"""Returns what the content of an input file (an asset id or a path) is known by."""


def by_name(reference: str, kind: InputKind) -> str:
    """Know a file by its name alone."""
    del kind
    return reference


_SEEDS = 2_147_483_647
"""Seeds go from 0 to one less than this: some models take no more than 31 bits."""

_UNSET = -1

_PARTS_OF_A_STEP = 100
"""More than a request has variations."""

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def build_batch(
    drafts: Iterable[Draft], *, source: str, owner: str, name: str, identify: Identify
) -> BatchSpec:
    """Return the batch of rows that are all in order.

    A seed that was left to the studio is made of owner, batch name, the row's request and how
    many equal requests stand above it. So the same file has the same seeds again, rows differ
    from each other, and editing, moving or naming one row leaves the seeds of all others alone.

    Variations become rows of their own, each with the next seed. Asking for more of them later
    buys only those that are new.
    """
    identify = cache(identify)  # it may have to read the picture
    keys: dict[str, str] = {}
    firsts: dict[str, str] = {}
    unset: Counter[str] = Counter()
    parts: dict[str, tuple[str, ...]] = {}
    rows = []
    for draft in drafts:
        operation = draft.operation
        if operation is None:
            raise ValueError(f"row {draft.name!r} has faults")
        references = _to_parts(draft.references, parts)
        changes: dict[str, Any] = {}
        if getattr(operation, "seed", 0) == _UNSET:
            key = _key(owner, _alone(operation), references, keys, identify)
            seed = int(_digest(["seed", owner, name, key, unset[key]]), 16) % _SEEDS
            changes["seed"] = min(seed, _SEEDS - len(operation.pieces()))
            unset[key] += 1
        operation = with_all_fields(operation, **changes)
        pieces = operation.pieces()
        parts[draft.name] = part_names(draft.name, len(pieces))
        for part, (piece, named) in enumerate(zip(pieces, parts[draft.name], strict=True), start=1):
            key = keys[named] = _key(owner, piece, references, keys, identify)
            first = firsts.setdefault(key, named)
            rows.append(
                Row(
                    draft.line,
                    named,
                    key,
                    piece,
                    references,
                    same_as="" if first == named else first,
                    part=_part(draft.stage, part if len(pieces) > 1 else 0),
                    notes=draft.notes,
                )
            )
    return BatchSpec(_id(owner, name, rows), owner, name, source, tuple(rows))


def changed_inputs(
    spec: BatchSpec, names: Collection[str], identify: Identify
) -> tuple[Problem, ...]:
    """Return the rows of a batch that was kept whose input files are not what they were.

    Args:
        names: of the rows to look at.
        identify: raises no error for a file that is gone; it then returns nothing.
    """
    identify = cache(identify)
    keys = {row.name: row.key for row in spec.rows}
    return tuple(
        Problem(
            row.line,
            row.name,
            ", ".join(inputs),
            ", ".join(str(getattr(row.operation, name)) for name in inputs),
            "must be the file that it was when the batch was read; run the batch's file again",
        )
        for row in spec.rows
        if row.name in names
        and (inputs := _files_of(row))
        and _key(spec.owner, row.operation, row.references, keys, identify) != row.key
    )


def _files_of(row: Row) -> list[str]:
    """Return the fields of a row that name files or assets."""
    referred = {reference.field for reference in row.references}
    return [
        name
        for name in input_fields(type(row.operation))
        if name not in referred and getattr(row.operation, name)
    ]


def leave_out(spec: BatchSpec, problems: Sequence[Problem]) -> BatchSpec:
    """Return a batch without its faulty rows and those that build on them; why is in it.

    It may have no rows left.
    """
    gone = {problem.row for problem in problems}
    told = [*spec.left_out, *problems]
    rows: list[Row] = []
    # By lines: half a chain is not what its row asked for.
    for _, group in groupby(spec.rows, key=lambda row: row.line):
        line = list(group)
        for row in line:
            for each in row.references:
                if each.row in gone and row.name not in gone:
                    told.append(_lost(row.line, row.name, each))
                    gone.add(row.name)
        if any(row.name in gone for row in line):
            gone.update(row.name for row in line)
        else:
            rows += line
    told.sort(key=lambda problem: problem.line)
    identifier = _id(spec.owner, spec.name, rows)
    return replace(spec, id=identifier, rows=tuple(rows), left_out=tuple(told))


def _lost(line: int, row: str, reference: Reference) -> Problem:
    return Problem(line, row, reference.field, f"@{reference.row}", left_out_rule(reference.row))


def left_out_rule(row: str) -> str:
    """Return why a row cannot be done that builds on one that is left out."""
    return f"row {row} is left out, so what it would make is not there"


def _id(owner: str, name: str, rows: Iterable[Row]) -> str:
    return f"bat_{_digest([owner, name, [[row.name, row.key] for row in rows]])[:20]}"


def _part(stage: int, variation: int) -> int:
    """Return the place of a row among those of its line: by step of a chain, then by variation."""
    return max(0, stage - 1) * _PARTS_OF_A_STEP + variation


def _alone(operation: Operation) -> Operation:
    """Return the request for one picture: how many are wanted is no part of a seed."""
    if getattr(operation, "variations", 1) == 1:
        return operation
    return operation.model_copy(update={"variations": 1})


def _to_parts(
    references: Iterable[Reference], parts: Mapping[str, tuple[str, ...]]
) -> tuple[Reference, ...]:
    """Turn the second output of a line with variations into the output of its second row."""
    found = []
    for each in references:
        names = parts.get(each.row, (each.row,))
        several = len(names) > 1
        found.append(Reference(each.field, names[each.position], 0) if several else each)
    return tuple(found)


def _key(
    owner: str,
    operation: Operation,
    references: Iterable[Reference],
    keys: Mapping[str, str],
    identify: Identify,
) -> str:
    """Return the row's key: files count by where they come from, not by their names.

    Fields at their defaults are left out, so that a field which an operation gets one day does
    not make every row of yesterday new work, to be bought again.
    """
    request = operation.model_dump(mode="json", exclude_defaults=True)
    request["operation"] = operation.operation
    for reference in references:
        request[reference.field] = {"row": keys[reference.row], "output": reference.position}
    for column, kind in input_fields(type(operation)).items():
        if isinstance(text := request.get(column), str) and text:
            request[column] = {kind: identify(text, kind)}
    return _digest([owner, request])


def _digest(value: Any) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()
