"""The journal as a file, for accountants and their programs: CSV, or Parquet with ``pyarrow``.

Rows are read and written as they come: a million of them take no more memory than a thousand.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import IO, Any, Literal

from sqlalchemy import BigInteger, Connection, Row, Select, func, select, type_coerce

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
_GROUP = 20_000
"""Rows in one group of a Parquet file."""

_REMEMBERED = 10_000
"""Moments and amounts whose words are remembered: they come again and again."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    text = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for at, made, kind, key, account, amount, hold, claim, author, why in rows:
        writer.writerow(
            (
                _iso(at),
                made,
                kind,
                neutral(key),
                account,
                amount,
                _credits(amount),
                hold,
                claim,
                neutral(author),
                neutral(why),
            )
        )
        count += 1
    text.flush()
    text.detach()
    return count


@lru_cache(_REMEMBERED)
def _iso(microseconds: int) -> str:
    """Return a moment in words; the entries of a transaction, and of a group of them, share it."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()


_credits = lru_cache(_REMEMBERED)(money.show)


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
            columns = list(zip(*some, strict=True))
            columns.insert(COLUMNS.index("credits"), tuple(map(_credits, columns[-5])))
            arrays = [
                pa.array(values, type=field.type)
                for values, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(some)
    return count


def _entries(connection: Connection, owner: str, period: Period | None) -> Iterator[Row[Any]]:
    """Stream entries as they stand in the database: moments in microseconds, no credits."""
    balance(connection, owner)
    query = select(wallets.c.id).where(wallets.c.owner == owner)
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    return iter(streamed.execute(_query(connection.execute(query).scalar_one(), period)))


def _query(wallet: str, period: Period | None) -> Select[Any]:
    made, entry = ledger_transactions.c, ledger_entries.c
    query = (
        select(
            # Decoded by us: making a datetime of each takes longer than everything else.
            type_coerce(made.at, BigInteger),
            made.id,
            made.kind,
            made.key,
            entry.account,
            entry.amount,
            made.hold_id,
            made.claim_id,
            made.author,
            func.coalesce(made.reason, holds.c.purpose),
        )
        .join(ledger_entries, entry.transaction_id == made.id)
        .outerjoin(holds, holds.c.id == made.hold_id)
        .where(made.wallet_id == wallet)
        .order_by(made.at, made.id, entry.account)
    )
    if period is None:
        return query
    return query.where(made.at >= period.start, made.at < period.end)
