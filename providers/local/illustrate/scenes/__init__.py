"""The scenes: each paints a :class:`Stage` and says where a subject can stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from providers.local.illustrate.scenes import (
    indoors,
    mountains,
    nature,
    party,
    space,
    studio,
    town,
    water,
    wide,
)
from providers.local.illustrate.scenes.abstract import abstract
from providers.local.illustrate.stage import Stage


@dataclass(frozen=True)
class Scene:
    """A scene and the palettes it wears when the prompt names none, the usual one first."""

    paint: Callable[[Stage], None]
    palettes: tuple[str, ...]


SCENES: dict[str, Scene] = {
    "forest": Scene(nature.forest, ("morning", "emerald", "mist", "golden")),
    "meadow": Scene(nature.meadow, ("noon", "golden", "morning")),
    "hills": Scene(nature.hills, ("mist", "golden", "morning")),
    "mountains": Scene(mountains.mountains, ("morning", "golden", "winter")),
    "sea": Scene(water.sea, ("golden", "noon", "sunset")),
    "beach": Scene(water.beach, ("tropical", "noon", "golden")),
    "underwater": Scene(water.underwater, ("ocean", "tropical", "emerald")),
    "city": Scene(town.city, ("dusk", "sunset", "morning")),
    "road": Scene(town.road, ("noon", "golden", "morning")),
    "studio": Scene(studio.studio, ("pastel", "candy", "rose", "vintage")),
    "table": Scene(indoors.table, ("golden", "morning", "vintage")),
    "room": Scene(indoors.room, ("morning", "pastel", "vintage")),
    "party": Scene(party.party, ("candy", "pastel", "dusk")),
    "desert": Scene(wide.desert, ("sand", "golden", "sunset")),
    "snow": Scene(wide.snow, ("winter", "morning", "dusk")),
    "sky": Scene(wide.skies, ("noon", "morning", "golden")),
    "space": Scene(space.space, ("dusk", "night", "aurora")),
    "abstract": Scene(abstract, ("candy", "ocean", "rose", "sunset")),
}
"""All scenes by name, in the order in which they are listed to people."""
