"""One of many values: the same rows on both databases, whatever the values are."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, event, insert, select

from studio.database import Database
from studio.database.among import among

_THINGS = Table("things", MetaData(), Column("number", Integer), Column("name", Text))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    found.write(_THINGS.create)
    rows = [{"number": each, "name": f"it's {each},"} for each in range(5)]
    found.write(lambda connection: connection.execute(insert(_THINGS), rows))
    return found


def test_what_is_among_the_values_is_found(database: Database) -> None:
    number, name = _THINGS.c.number, _THINGS.c.name
    for column, values, right in (
        (number, [3, 1, 9], [1, 3]),
        (name, ["it's 2,", "it's 0,", "none"], [0, 2]),
        (name, [], []),
        (number, (), []),
    ):
        with database.read() as connection:
            query = select(number).where(among(connection, column, values)).order_by(number)
            assert list(connection.execute(query).scalars()) == right


def test_postgres_reads_the_same_statement_for_any_number_of_values(
    postgres_database: Database,
) -> None:
    statements: set[str] = set()
    event.listen(
        postgres_database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.add(statement),
    )
    postgres_database.write(_THINGS.create)
    statements.clear()
    for many in (1, 500):
        with postgres_database.read() as connection:
            connection.execute(
                select(_THINGS).where(among(connection, _THINGS.c.number, range(many)))
            )
    assert len(statements) == 1
