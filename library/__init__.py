"""The archive: everything that was made, with where it came from; and the brands it is for."""

from library.assets import (
    Asset,
    Parent,
    add_assets,
    find_asset,
    find_assets,
    find_import,
    list_assets,
    measure,
)
from library.filters import Filters
from library.personas import (
    MOST_PERSONAS,
    StoredPersona,
    find_persona,
    list_personas,
    remove_persona,
    save_persona,
)

__all__ = [
    "MOST_PERSONAS",
    "Asset",
    "Filters",
    "Parent",
    "StoredPersona",
    "add_assets",
    "find_asset",
    "find_assets",
    "find_import",
    "find_persona",
    "list_assets",
    "list_personas",
    "measure",
    "remove_persona",
    "save_persona",
]
