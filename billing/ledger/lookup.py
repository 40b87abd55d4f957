"""What the handlers share: answering one by one, remembering by key, finding for a whole group."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSON

from billing.tables import wallets
from studio.errors import StudioError

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")


def answer_each(
    requests: Iterable[RequestT], work: Callable[[RequestT], ResultT]
) -> list[ResultT | StudioError]:
    """Call ``work`` with every request, in order; a refusal is the answer to that one alone."""
    answers: list[ResultT | StudioError] = []
    for request in requests:
        try:
            answers.append(work(request))
        except StudioError as refusal:
            answers.append(refusal)
    return answers


def find_by_key(
    connection: Connection, table: Table, keys: Sequence[tuple[str, str]], *, kind: str = ""
) -> dict[tuple[str, str], RowMapping]:
    """Return the rows of ``table`` with these pairs of wallet id and key, by the pair.

    Each row has its wallet's ``owner`` with it. ``kind`` is for ``ledger_transactions``, where a
    key is unique per kind.
    """
    if not keys:
        return {}
    statement = _by_key(table, connection.dialect.name)
    parameters = {"pairs": json.dumps(keys), "kind": kind}
    rows = connection.execute(statement, parameters).mappings()
    return {(row["wallet_id"], row["key"]): row for row in rows}


def find_by_id(connection: Connection, table: Table, ids: Iterable[str]) -> dict[str, RowMapping]:
    """Return the rows of ``table`` (``holds`` or ``claims``) with these ids, with their owner."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = connection.execute(_by_id(table), {"ids": wanted}).mappings()
    return {row["id"]: row for row in rows}


def with_owner(table: Table) -> Select[Any]:
    """Select ``table`` with the owner of each row's wallet."""
    return select(table, wallets.c.owner).join(wallets, wallets.c.id == table.c.wallet_id)


@cache
def _by_id(table: Table) -> Select[Any]:
    # Built once: making a statement anew takes SQLAlchemy longer than carrying it out.
    return with_owner(table).where(table.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _by_key(table: Table, dialect: str) -> Select[Any]:
    """Join ``table`` with a JSON list of pairs.

    Not ``(wallet_id, key) IN (VALUES …)``: SQLite 3.40 reads the whole table for that. Not two
    INs either, which look up every wallet with every key. And one parameter, however many pairs.
    """
    pairs = bindparam("pairs", type_=Text)
    if dialect == "sqlite":
        wanted = func.json_each(pairs).table_valued("value", name="wanted")
        wallet = func.json_extract(wanted.c.value, "$[0]")
        key = func.json_extract(wanted.c.value, "$[1]")
    else:
        wanted = func.json_array_elements(cast(pairs, JSON)).table_valued("value", name="wanted")
        wallet = cast(wanted.c.value, JSON)[0].astext
        key = cast(wanted.c.value, JSON)[1].astext
    found = with_owner(table).join(wanted, and_(table.c.wallet_id == wallet, table.c.key == key))
    return found.where(table.c.kind == bindparam("kind")) if "kind" in table.c else found
