"""The journal as a file, for accountants and their programs: CSV, or Parquet with ``pyarrow``.

Rows are read and written as they come: a million of them take no more memory than a thousand.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, Literal

from sqlalchemy import Connection, Row, Select, func, select

from billing.ledger.wallets import balance
from billing.reports.period import Period
from billing.tables import holds, ledger_entries, ledger_transactions, wallets
from studio import credits as money
from studio.errors import SetupIncomplete
from studio.spreadsheets import neutral

Format = Literal["csv", "parquet"]

COLUMNS = (
    "at", "transaction", "kind", "key", "account", "micro_credits", "credits",
    "hold", "claim", "author", "reason",
)  # fmt: skip
"""One row for each entry: a signed amount on one account. ``key`` is the caller's own name for the
transaction; of a claim, a capture and what was given back it is the job's or the claim's id."""

_ROWS_AT_ONCE = 5_000
_GROUP = 50_000
"""Rows in one group of a Parquet file."""


def export_csv(connection: Connection, owner: str, period: Period | None, file: IO[bytes]) -> int:
    """Write a wallet's entries as CSV in UTF-8, the oldest first; return how many there were.

    Texts are quoted, and made safe for spreadsheets.

    Args:
        connection: to read from.
        owner: whose wallet.
        period: only of this one; all, if ``None``.
        file: where to.

    Raises:
        AccountRefused: there is no wallet.
    """
    rows = _entries(connection, owner, period)
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=False)
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        writer.writerow(
            [
                row.at.isoformat(),
                row.id,
                row.kind,
                neutral(row.key),
                row.account,
                row.amount,
                money.show(row.amount),
                row.hold_id or "",
                row.claim_id or "",
                neutral(row.author),
                neutral(row.why),
            ]
        )
        count += 1
    text.flush()
    text.detach()
    return count


def export_parquet(
    connection: Connection, owner: str, period: Period | None, file: IO[bytes]
) -> int:
    """Write a wallet's entries as Parquet; arguments, order and errors as for ``export_csv``.

    Raises:
        SetupIncomplete: ``pyarrow`` is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and 150 MB of memory
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError:
        raise SetupIncomplete(
            "Parquet files need pyarrow: `pip install image-studio[parquet]`. CSV needs nothing."
        ) from None
    text, whole = pa.string(), pa.int64()
    kinds = {"at": pa.timestamp("us", tz="UTC"), "micro_credits": whole}
    schema = pa.schema([(name, kinds.get(name, text)) for name in COLUMNS])
    rows = _entries(connection, owner, period)
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while some := list(islice(rows, _GROUP)):
            columns = zip(*map(_values, some), strict=True)
            arrays = [
                pa.array(values, type=field.type)
                for values, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(some)
    return count


def _values(row: Row[Any]) -> tuple[Any, ...]:
    return (
        row.at, row.id, row.kind, row.key, row.account, row.amount, money.show(row.amount),
        row.hold_id, row.claim_id, row.author, row.why,
    )  # fmt: skip


def _entries(connection: Connection, owner: str, period: Period | None) -> Iterator[Row[Any]]:
    balance(connection, owner)
    query = _query(owner, period)
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    return iter(streamed.execute(query))


def _query(owner: str, period: Period | None) -> Select[Any]:
    made, entry = ledger_transactions.c, ledger_entries.c
    query = (
        select(
            made.at,
            made.id,
            made.kind,
            made.key,
            entry.account,
            entry.amount,
            made.hold_id,
            made.claim_id,
            made.author,
            func.coalesce(made.reason, holds.c.purpose).label("why"),
        )
        .join(wallets, wallets.c.id == made.wallet_id)
        .join(ledger_entries, entry.transaction_id == made.id)
        .outerjoin(holds, holds.c.id == made.hold_id)
        .where(wallets.c.owner == owner)
        .order_by(made.at, made.id, entry.account)
    )
    if period is None:
        return query
    return query.where(made.at >= period.start, made.at < period.end)
