"""Keeping personas: each function works within its caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from library.tables import personas
from studio import clock
from studio.errors import InvalidRequest, NotFound
from studio.operations import Persona, read_persona

MOST_PERSONAS = 100
"""Personas of one owner."""

_NAMED = 8
"""Names that a refusal tells."""


@dataclass(frozen=True, slots=True)
class StoredPersona:
    """A persona, and when it was last stored."""

    persona: Persona
    updated_at: datetime


def save_persona(connection: Connection, owner: str, persona: Persona) -> None:
    """Store a persona, in the place of one that has its name.

    Raises:
        InvalidRequest: ``owner`` has ``MOST_PERSONAS`` already, and this is a new one.
    """
    mine = personas.c.owner == owner
    others = select(func.count()).where(mine, personas.c.name != persona.name)
    if connection.execute(others).scalar_one() >= MOST_PERSONAS:
        raise InvalidRequest(
            "There are too many personas.",
            field="name",
            given=persona.name,
            allowed=f"{MOST_PERSONAS} personas at most; `studio personas remove` makes room",
        )
    values = {
        "content": persona.model_dump(mode="json", exclude={"name"}),
        "updated_at": clock.now(),
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(personas).values(owner=owner, name=persona.name, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["owner", "name"], set_=values))


def find_persona(connection: Connection, owner: str, name: str) -> StoredPersona:
    """Return a persona of ``owner``.

    Raises:
        NotFound: there is none of that name, or it is somebody else's.
    """
    query = select(personas).where(personas.c.owner == owner, personas.c.name == name)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise _unknown(connection, owner, name)
    return _stored(row["name"], row["content"], row["updated_at"])


def list_personas(connection: Connection, owner: str) -> list[StoredPersona]:
    """Return the personas of ``owner``, at most ``MOST_PERSONAS``, by their names."""
    query = select(personas).where(personas.c.owner == owner).order_by(personas.c.name)
    rows = connection.execute(query.limit(MOST_PERSONAS)).mappings()
    return [_stored(row["name"], row["content"], row["updated_at"]) for row in rows]


def remove_persona(connection: Connection, owner: str, name: str) -> None:
    """Forget a persona; pictures that were made with it keep its words.

    Raises:
        NotFound: there is none of that name, or it is somebody else's.
    """
    gone = delete(personas).where(personas.c.owner == owner, personas.c.name == name)
    if connection.execute(gone.returning(personas.c.name)).first() is None:
        raise _unknown(connection, owner, name)


def _stored(name: str, content: dict[str, object], updated_at: datetime) -> StoredPersona:
    return StoredPersona(read_persona({**content, "name": name}), updated_at)


def _unknown(connection: Connection, owner: str, name: str) -> NotFound:
    query = select(personas.c.name).where(personas.c.owner == owner).order_by(personas.c.name)
    names = list(connection.execute(query.limit(_NAMED + 1)).scalars())
    more = ", …" if len(names) > _NAMED else ""
    known = f"one of yours: {', '.join(names[:_NAMED])}{more}"
    return NotFound(
        "There is no such persona.",
        field="persona",
        given=name,
        allowed=known if names else "one of yours; there is none yet: `studio personas set`",
    )
