"""What makes a row the row it is: chosen seeds, keys, and the batch's id."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from batches.rows import Draft
from batches.spec import BatchSpec, Row
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

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def build_batch(
    drafts: Iterable[Draft], *, source: str, owner: str, name: str, identify: Identify
) -> BatchSpec:
    """Return the batch of rows that are all in order.

    A seed that was left to the studio is made of owner, batch name, the row's request and how
    many equal requests stand above it. So the same file has the same seeds again, rows differ
    from each other, and editing, moving or naming one row leaves the seeds of all others alone.
    """
    identify = cache(identify)  # it may have to read the picture
    keys: dict[str, str] = {}
    firsts: dict[str, str] = {}
    unset: Counter[str] = Counter()
    rows = []
    for draft in drafts:
        operation = draft.operation
        if operation is None:
            raise ValueError(f"row {draft.name!r} has faults")
        changes: dict[str, Any] = {}
        key = _key(owner, operation, draft, keys, identify)
        if getattr(operation, "seed", 0) == _UNSET:
            changes["seed"] = int(_digest(["seed", owner, name, key, unset[key]]), 16) % _SEEDS
            unset[key] += 1
        # All fields count as set: a row is then equal in every respect to what is loaded again.
        values: dict[str, Any] = {**vars(operation), **changes}
        cls = type(operation)
        operation = cls.model_construct(_all_fields(cls), **values)
        if changes:
            key = _key(owner, operation, draft, keys, identify)
        keys[draft.name] = key
        first = firsts.setdefault(key, draft.name)
        same_as = "" if first == draft.name else first
        rows.append(Row(draft.line, draft.name, key, operation, draft.references, same_as))
    identifier = f"bat_{_digest([owner, name, [[row.name, row.key] for row in rows]])[:20]}"
    return BatchSpec(identifier, owner, name, source, tuple(rows))


@cache
def _all_fields(cls: type[Operation]) -> set[str]:
    """Return one set of all fields for all rows: one for each would be most of their memory."""
    return set(cls.model_fields)


def _key(
    owner: str, operation: Operation, draft: Draft, keys: dict[str, str], identify: Identify
) -> str:
    """Return the row's key: files count by where they come from, not by their names.

    Fields at their defaults are left out, so that a field which an operation gets one day does
    not make every row of yesterday new work, to be bought again.
    """
    request = operation.model_dump(mode="json", exclude_defaults=True)
    request["operation"] = operation.operation
    for reference in draft.references:
        request[reference.field] = {"row": keys[reference.row], "output": reference.position}
    for column, kind in input_fields(type(operation)).items():
        if isinstance(text := request.get(column), str) and text:
            request[column] = {kind: identify(text, kind)}
    return _digest([owner, request])


def _digest(value: Any) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()
