"""The archive: everything that was made, with where it came from; and the brands it is for."""

from library import board_tables, card_tables  # noqa: F401 - so that every table is known
from library.assets import (
    Asset,
    Parent,
    add_assets,
    find_asset,
    find_assets,
    measure,
)
from library.backlog import catch_up
from library.cards import COLOURS
from library.filters import COMPLETED, EVERYTHING, Filters, filters_of
from library.imports import Filed, file_imports, known_bytes
from library.lineage import Edge, Lineage, Related, lineage
from library.personas import (
    MOST_PERSONAS,
    StoredPersona,
    find_persona,
    list_personas,
    remove_persona,
    save_persona,
)
from library.search import (
    Card,
    Count,
    Found,
    Page,
    count_matches,
    facets,
    find_card,
    find_page,
    list_assets,
    stored_bytes,
)
from library.usage import (
    AssetUses,
    DayUses,
    Statistics,
    Use,
    count_uses,
    statistics,
    uses_of,
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
    "COLOURS",
    "COMPLETED",
    "EVERYTHING",
    "MOST_PERSONAS",
    "VERSION_OF",
    "Asset",
    "AssetUses",
    "Card",
    "Count",
    "DayUses",
    "Difference",
    "Edge",
    "Filed",
    "Filters",
    "Found",
    "Lineage",
    "Page",
    "Parent",
    "Related",
    "Statistics",
    "StoredPersona",
    "Use",
    "Version",
    "Versions",
    "add_assets",
    "catch_up",
    "count_matches",
    "count_uses",
    "differences",
    "facets",
    "file_imports",
    "filters_of",
    "find_asset",
    "find_assets",
    "find_card",
    "find_page",
    "find_persona",
    "known_bytes",
    "lineage",
    "list_assets",
    "list_personas",
    "make_current",
    "measure",
    "remove_persona",
    "save_persona",
    "statistics",
    "stored_bytes",
    "uses_of",
    "versions",
]
