"""What every room's tables are made of: one metadata, one naming rule, portable column types."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, MetaData, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    # Constraints need names of our own: migrations must be able to drop them on every database.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def belongs_to_code(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic shall compare something of this name with the tables in the code.

    The full-text indexes are made by statements of their own (``library.card_tables``): SQLite
    keeps them as tables.
    """
    full_text = {"table": "asset_words_index", "index": "ix_asset_words_words"}
    return name is None or not name.startswith(full_text.get(kind, "\0"))


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, stored as whole microseconds since 1970.

    An integer compares and sorts alike on every database; SQLite has no time type at all.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Turn an aware moment into microseconds; a naive one is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a time zone cannot be stored: {value!r}")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        """Turn microseconds back into an aware moment."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class JsonText(TypeDecorator[Any]):
    """JSON kept as text, keys sorted: the same value is the same text on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        """Turn a JSON value into text."""
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        """Turn text back into a JSON value."""
        return None if value is None else json.loads(value)


def as_row(record: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as the values of a row.

    Unlike ``dataclasses.asdict`` it leaves the values as they are: copying the JSON inside them
    took half of the time of a settlement.
    """
    return {field.name: getattr(record, field.name) for field in fields(record)}
