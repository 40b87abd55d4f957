"""One of many values, asked for by one parameter where the database takes a list as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, any_, bindparam


def among(
    connection: Connection, column: ColumnElement[Any], values: Sequence[Any]
) -> ColumnElement[bool]:
    """Return that a column is one of the values.

    SQLAlchemy writes the statement of an ``IN`` anew for each call and the driver reads it again:
    with 500 values that takes six milliseconds. Postgres takes them as an array.
    """
    if connection.dialect.name != "postgresql":
        return column.in_(values)
    given: Any = bindparam(None, list(values), type_=ARRAY(column.type), unique=True)
    return column == any_(given)
