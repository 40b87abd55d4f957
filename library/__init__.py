"""The archive: everything that was made, with where it came from; and the brands it is for."""

from library import card_tables  # noqa: F401 - so that every table is known
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
from library.backlog import catch_up
from library.filters import Filters
from library.lineage import Edge, Lineage, Related, lineage
from library.personas import (
    MOST_PERSONAS,
    StoredPersona,
    find_persona,
    list_personas,
    remove_persona,
    save_persona,
)
from library.versions import (
    VERSION_OF,
    Difference,
    Version,
    Versions,
    differences,
    make_current,
    versions,
)

__all__ = [
    "MOST_PERSONAS",
    "VERSION_OF",
    "Asset",
    "Difference",
    "Edge",
    "Filters",
    "Lineage",
    "Parent",
    "Related",
    "StoredPersona",
    "Version",
    "Versions",
    "add_assets",
    "catch_up",
    "differences",
    "find_asset",
    "find_assets",
    "find_import",
    "find_persona",
    "lineage",
    "list_assets",
    "list_personas",
    "make_current",
    "measure",
    "remove_persona",
    "save_persona",
    "versions",
]
