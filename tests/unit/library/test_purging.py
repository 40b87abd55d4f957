"""What is purged leaves nothing behind of what people and machines said of it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, select

from library import make_current
from library.collecting import change_collection, collection_of, create_collection
from library.purging import purge
from library.suggesting import Told, suggest
from library.tables import asset_looks, current_versions
from library.trash import trash
from studio import clock
from studio.database import Database
from tests.unit.library.conftest import OTHER, OWNER, asset, file, identity

_GONE, _KEPT, _THEIRS = (identity(number) for number in (1, 2, 3))


def said_of(connection: Connection, owner: str, name: str) -> str:
    """Say of an asset all that may be said; return the collection that it stands for."""
    suggest(connection, Told(owner, name, "local/tag", "job_x", "Ann at the lake.", {"lake": 900}))
    make_current(connection, owner, name, owner)
    made = create_collection(connection, owner, f"of {name}")
    change_collection(connection, owner, made.id, cover=name)
    return made.id


def test_looks_choices_and_covers_go_with_the_asset_and_no_others(database: Database) -> None:
    file(database, asset(1), asset(2), asset(3, OTHER))
    whose = {_GONE: OWNER, _KEPT: OWNER, _THEIRS: OTHER}
    covers = {
        name: database.write(partial(said_of, owner=owner, name=name))
        for name, owner in whose.items()
    }
    database.write(lambda c: trash(c, OWNER, [_GONE]))
    tomorrow = clock.now() + timedelta(days=1)
    assert database.write(lambda c: len(purge(c, tomorrow).assets)) == 1
    with database.read() as connection:
        for column in (asset_looks.c.asset, current_versions.c.asset):
            left = connection.execute(select(column).order_by(column)).scalars().all()
            assert left == [_KEPT, _THEIRS], column
        for name, owner in whose.items():
            cover = collection_of(connection, owner, covers[name]).cover
            assert cover == ("" if name == _GONE else name)
