"""The archive: everything that was made, with where it came from; and the brands it is for."""

from library import card_tables  # noqa: F401 - so that every table is known
from library.assets import (
    Asset,
    Parent,
    add_assets,
    find_asset,
    find_assets,
    find_import,
    measure,
)
from library.backlog import catch_up
from library.cards import COLOURS
from library.filters import EVERYTHING, Filters, filters_of
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
    "EVERYTHING",
    "MOST_PERSONAS",
    "VERSION_OF",
    "Asset",
    "Card",
    "Count",
    "Difference",
    "Edge",
    "Filters",
    "Found",
    "Lineage",
    "Page",
    "Parent",
    "Related",
    "StoredPersona",
    "Version",
    "Versions",
    "add_assets",
    "catch_up",
    "count_matches",
    "differences",
    "facets",
    "filters_of",
    "find_asset",
    "find_assets",
    "find_card",
    "find_import",
    "find_page",
    "find_persona",
    "lineage",
    "list_assets",
    "list_personas",
    "make_current",
    "measure",
    "remove_persona",
    "save_persona",
    "stored_bytes",
    "versions",
]
