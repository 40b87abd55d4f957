"""Inserting many rows through the driver: the same rows as through SQLAlchemy."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, Table, Text, insert, select

from studio.database import Database, JsonText, UtcDateTime, metadata
from studio.database.bulk import insert_records

_COLUMNS = {
    "id": 2**40,
    "key": "a",
    "at": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
    "what": {"b": [1]},
}


def test_records_are_kept_as_their_columns_types_say(database: Database) -> None:
    table = Table(
        "bulk_records",
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("key", Text, nullable=False),
        Column("at", UtcDateTime),
        Column("what", JsonText),
        Column("left", Text, server_default="as it was"),
    )
    try:
        records = [_COLUMNS, {**_COLUMNS, "id": 1, "at": None, "what": None, "key": "ö%s?"}]
        database.write(table.create)
        database.write(lambda connection: insert_records(connection, table, records))
        database.write(lambda connection: insert_records(connection, table, []))
        by_core = {**_COLUMNS, "id": 2}
        database.write(lambda connection: connection.execute(insert(table), [by_core]))
        with database.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.id)).mappings().all()
    finally:
        metadata.remove(table)
    filled = [{**each, "left": "as it was"} for each in (records[1], by_core, _COLUMNS)]
    assert [dict(row) for row in rows] == filled
