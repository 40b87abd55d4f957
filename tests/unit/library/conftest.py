"""Assets without pictures, filed at once, for tests of how they are found and put in order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from library import Asset, add_assets
from studio.database import Database

OWNER = "ann"
OTHER = "eve"
NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def identity(number: int) -> str:
    """Return the id of an asset by its number."""
    return f"ast_{number:026d}"


def asset(number: int, owner: str = OWNER, **values: Any) -> Asset:
    """Return an asset; a prompt may be given by itself."""
    request = {"prompt": values.pop("prompt")} if "prompt" in values else {}
    given: dict[str, Any] = {
        "id": identity(number),
        "owner": owner,
        "name": "a.png",
        "sha256": "0" * 64,
        "thumbnail": "0" * 64,
        "media_type": "image/png",
        "bytes": 1,
        "width": 1,
        "height": 1,
        "operation": "generate",
        "request": request,
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
    }
    return Asset(**given | values)


def file(database: Database, *new: Asset) -> None:
    """File assets."""
    database.write(lambda connection: add_assets(connection, new))
