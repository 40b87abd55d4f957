"""Assets for tests of the library: written as they are, without bytes or jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from library import Asset, Parent, add_assets
from studio.database import Database

OWNER, EVE = "ann", "eve"
NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def identifier(number: int) -> str:
    """Return the id of asset number ``number``."""
    return f"ast_{number:026d}"


def asset(number: int, owner: str = OWNER, **values: Any) -> Asset:
    """Return an asset; its parents may be given as ``{field: number}``."""
    parents = values.pop("made_from", {})
    given: dict[str, Any] = {
        "id": identifier(number),
        "owner": owner,
        "name": "a.png",
        "sha256": f"{number:064x}",
        "thumbnail": "0" * 64,
        "media_type": "image/png",
        "bytes": 1,
        "width": 1,
        "height": 1,
        "operation": "generate",
        "request": {},
        "provider": "local",
        "model": "paint",
        "method": "",
        "reason": "",
        "seed": None,
        "credits": 0,
        "facts": {},
        "job": f"job_{number}",
        "position": 0,
        "run": "",
        "created_at": NOON,
        "parents": tuple(Parent(field, identifier(number)) for field, number in parents.items()),
    }
    return Asset(**given | values)


def file(database: Database, *new: Asset) -> None:
    """File assets in one transaction."""
    database.write(lambda connection: add_assets(connection, new))
