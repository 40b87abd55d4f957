"""Requests as they will be quoted: what they name is replaced by what it stands for.

Sizes and styles of templates are put in by the operation's model itself. A persona belongs to an
owner, so it is put in here, where the owner is known.
"""

from __future__ import annotations

from collections.abc import Callable

from library import find_persona
from studio.database import Database
from studio.operations import Operation, Persona, Settled, worn


def find(database: Database, owner: str, name: str) -> Persona:
    """Return a persona of ``owner``.

    Raises:
        NotFound: there is none of that name, or it is somebody else's.
    """
    with database.read() as connection:
        return find_persona(connection, owner, name).persona


def settled(operation: Operation, persona: Callable[[str], Persona]) -> Settled:
    """Return the request with its persona in it, if it names one.

    Args:
        operation: as it was given.
        persona: returns the owner's persona of a name.

    Raises:
        NotFound: there is no such persona.
        InvalidRequest: the prompt has a word that the persona avoids, or the whole is too long.
    """
    name = str(getattr(operation, "persona", ""))
    return worn(operation, persona(name)) if name else Settled(operation)
