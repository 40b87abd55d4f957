"""Edit: erasing, painting on, recolouring, other backgrounds, plain corrections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from providers.contract import Delivery, Request
from providers.local.edit.background import replace_background
from providers.local.edit.edit import edit_by_prompt
from providers.local.edit.erase import erase_masked
from providers.local.edit.inpaint import paint_in
from providers.local.edit.outpaint import paint_on
from providers.local.edit.recolour import search_recolor
from providers.local.edit.replace import search_replace
from providers.offers import Offer

WORK: Mapping[str, Callable[[Offer, Request, Path], Delivery]] = {
    "local/patchmatch-erase": erase_masked,
    "local/paint-in": paint_in,
    "local/patchmatch-outpaint": paint_on,
    "local/recolor": search_recolor,
    "local/replace": search_replace,
    "local/backdrop": replace_background,
    "local/corrections": edit_by_prompt,
}
"""What is done for each offer, by its id."""
