"""Cards for assets of before there were cards, a group at a time."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from library.assets import assets_by_id
from library.card_tables import backlog
from library.cards import file_cards
from studio.database import Database

_GROUP = 500


def catch_up(database: Database) -> int:
    """Make the cards that a migration left to be made; return how many.

    Quick where there are none. Each group is a transaction of its own: a killed process leaves
    nothing half-done, and the next one goes on.
    """
    made = 0
    with database.read() as connection:
        if connection.execute(select(backlog.c.asset).limit(1)).first() is None:
            return 0
    while some := database.write(_catch_up):
        made += some
    return made


def _catch_up(connection: Connection) -> int:
    query = select(backlog.c.asset).order_by(backlog.c.asset).limit(_GROUP)
    waiting = list(connection.execute(query.with_for_update(skip_locked=True)).scalars())
    if waiting:
        file_cards(connection, assets_by_id(connection, waiting))
        connection.execute(delete(backlog).where(backlog.c.asset.in_(waiting)))
    return len(waiting)
