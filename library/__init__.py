"""The archive: everything that was made, with where it came from."""

from library.assets import (
    Asset,
    Parent,
    add_assets,
    find_asset,
    find_assets,
    find_import,
    list_assets,
)

__all__ = [
    "Asset",
    "Parent",
    "add_assets",
    "find_asset",
    "find_assets",
    "find_import",
    "list_assets",
]
