"""From a prompt to a brief.

Which scene, which light, which subjects, and what could not be understood.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.local.illustrate.colour import Colour, hexed
from providers.local.illustrate.subjects import subjects
from providers.local.illustrate.words import Hit, hits

MAX_SUBJECTS = 3
MAX_COUNT = 9
MAX_PALETTES = 2
"""Two lights are blended (an autumn dawn); a third is reported as ignored."""
CONTAINS = {
    "forest": ("sky", "hills"),
    "meadow": ("sky", "hills"),
    "hills": ("sky", "meadow"),
    "mountains": ("sky", "hills", "forest"),
    "sea": ("sky",),
    "beach": ("sky", "sea"),
    "underwater": ("sea",),
    "city": ("sky", "road"),
    "road": ("sky", "hills", "meadow"),
    "desert": ("sky", "hills"),
    "snow": ("sky", "mountains", "hills", "forest"),
    "space": ("sky",),
    "table": ("room",),
    "party": ("room",),
}
"""What each scene shows besides itself.

"snowy mountains" is one scene, not a second one ignored.
"""
_BY_LIGHT = {
    "night": "mountains",
    "sunset": "sea",
    "golden": "hills",
    "morning": "hills",
    "mist": "hills",
    "dusk": "mountains",
    "autumn": "forest",
    "winter": "snow",
    "tropical": "beach",
    "emerald": "forest",
    "ocean": "sea",
    "neon": "city",
    "storm": "sea",
    "aurora": "mountains",
    "noon": "meadow",
    "sand": "desert",
}
"""The scene in which a light shows best, for prompts that name a light only."""
_DRY = {"ground", "item", "face"}


@dataclass(frozen=True)
class Wanted:
    """A subject as the prompt asks for it; ``scale`` 1 is normal size."""

    name: str
    count: int = 1
    scale: float = 1.0
    colour: Colour | None = None


@dataclass
class Brief:
    """What is to be drawn. Empty strings mean "not said"."""

    scene: str = ""
    palettes: list[str] = field(default_factory=list)
    style: str = ""
    tint: Colour | None = None
    place: str = ""
    weather: set[str] = field(default_factory=set)
    wanted: list[Wanted] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    banned: set[str] = field(default_factory=set)


class _Reader:
    """Walks over the hits once, carrying number, size and colour to the next noun."""

    def __init__(self, banned: set[str]) -> None:
        self.brief = Brief(banned=set(banned))
        self.count: int | None = None
        self.scale = 1.0
        self.colour: Colour | None = None
        self.implied = ""
        self.fresh = False
        """Whether the word just read was a subject."""
        self.negative = False

    def read(self, found: list[Hit]) -> Brief:
        for i, hit in enumerate(found):
            if hit.breaks:
                self._end_of_clause()
            elif not hit.meanings:
                self.brief.ignored.append(hit.text)
            elif self.negative:
                self.brief.banned |= {
                    m.value for m in hit.meanings if m.kind in {"subjects", "scenes", "weather"}
                }
            else:
                self._take(hit, _next_noun(found, i))
            self.fresh = hit.value("subjects") is not None
        self._end_of_clause()
        if self.implied and not self.brief.palettes:
            self.brief.palettes.append(self.implied)
        return self.brief

    def _end_of_clause(self) -> None:
        """A colour or size that met no noun belongs to the whole picture."""
        if self.colour is not None and self.brief.tint is None:
            self.brief.tint = self.colour
        self.count, self.scale, self.colour, self.negative = None, 1.0, None, False

    def _take(self, hit: Hit, noun: str) -> None:
        colour, subject = hit.value("colours"), hit.value("subjects")
        if hit.value("others") == "without":
            self.negative = True
        elif colour is not None and (subject is None or noun):
            if self.colour is not None and self.brief.tint is None:
                self.brief.tint = self.colour
            self.colour = hexed(colour)
        elif subject is not None:
            self._subject(hit, subject)
        elif (count := hit.value("counts")) is not None:
            self.count = int(count)
        elif (size := hit.value("sizes")) is not None:
            self.scale = float(size)
        else:
            self._setting(hit)

    def _subject(self, hit: Hit, name: str) -> None:
        brief = self.brief
        if brief.wanted and self.fresh and _is_person(brief.wanted[-1].name) and _is_person(name):
            self.count = self.count or brief.wanted[-1].count
            brief.wanted.pop()  # "a woman chef" is one person
        if name in brief.banned:
            pass
        elif any(w.name == name for w in brief.wanted):
            pass  # said twice, meant once
        elif len(brief.wanted) >= MAX_SUBJECTS:
            brief.ignored.append(hit.text)
        else:
            plural = 2 if subjects()[name].size >= 1.4 else 3
            count = (
                self.count
                if self.count and (self.count > 1 or not hit.plural)
                else plural
                if hit.plural
                else 1
            )
            brief.wanted.append(Wanted(name, min(count, MAX_COUNT), self.scale, self.colour))
        self.count, self.scale, self.colour = None, 1.0, None

    def _setting(self, hit: Hit) -> None:
        """Scene, light, weather, style, place: first come, first served.

        A later one is reported.
        """
        brief = self.brief
        used = hit.value("others") is not None
        scene = hit.value("scenes")
        if scene is not None and scene not in brief.banned:
            used |= self._scene(scene)
            if self.colour is not None and brief.tint is None:
                brief.tint, self.colour = self.colour, None
        for attribute, kind in (("style", "styles"), ("place", "places")):
            value = hit.value(kind)
            if value is not None:
                used |= getattr(brief, attribute) in {"", value}
                setattr(brief, attribute, getattr(brief, attribute) or value)
        weather = hit.value("weather")
        if weather is not None and weather not in brief.banned:
            brief.weather.add(weather)
            used = True
        used |= self._light(hit.value("palettes"), aside=scene is not None or weather is not None)
        if not used and scene not in brief.banned:
            brief.ignored.append(hit.text)
        if scene is not None:
            self.count = None

    def _scene(self, scene: str) -> bool:
        """Claim a scene; of two that go together (sea, beach) the one that shows both is taken."""
        old = self.brief.scene
        if not old or old in CONTAINS.get(scene, ()):
            self.brief.scene = scene
            return True
        return scene == old or scene in CONTAINS.get(old, ())

    def _light(self, palette: str | None, *, aside: bool) -> bool:
        """Note a palette.

        One that a word merely implies (``aside``: "foggy") gives way to one that is named.
        """
        brief = self.brief
        if palette is None or palette in brief.banned:
            return False
        if aside:
            self.implied = self.implied or palette
            return True
        if palette not in brief.palettes and len(brief.palettes) < MAX_PALETTES:
            brief.palettes.append(palette)
        return palette in brief.palettes


def _is_person(name: str) -> bool:
    return subjects()[name].anchor == "bust"


def _next_noun(found: list[Hit], i: int) -> str:
    """The kind of the next noun if only adjectives stand between, else an empty string."""
    for hit in found[i + 1 : i + 4]:
        kinds = {m.kind for m in hit.meanings}
        if hit.breaks or not kinds:
            return ""
        if kinds & {"subjects", "scenes"}:
            return "subjects" if "subjects" in kinds else "scenes"
        if hit.value("others") == "grammar" or not kinds & {
            "colours",
            "sizes",
            "others",
            "palettes",
            "counts",
        }:
            return ""
    return ""


def understand(prompt: str, negative_prompt: str = "") -> Brief:
    """Read a prompt (English; other languages end up in ``ignored``)."""
    negative = hits(negative_prompt)
    banned = {
        m.value
        for hit in negative
        for m in hit.meanings
        if m.kind in {"subjects", "scenes", "weather"}
    }
    brief = _Reader(banned).read(hits(prompt))
    if not brief.scene or brief.scene in brief.banned:
        brief.scene = _scene_for(brief)
    standing = any(subjects()[w.name].anchor in _DRY for w in brief.wanted)
    if brief.scene == "sky" and standing:
        home = _scene_for(brief)  # a house under a blue sky stands on its hill
        brief.scene = home if "sky" in CONTAINS.get(home, ()) else "sky"
    if brief.scene == "sea" and standing and "beach" not in brief.banned:
        brief.scene = "beach"  # a cat at the sea stands on the shore, not on the water
    brief.wanted = [w for w in brief.wanted if w.name not in brief.banned]
    brief.ignored = list(dict.fromkeys(brief.ignored))
    return brief


def _scene_for(brief: Brief) -> str:
    """A scene that suits the first subject, or the light; abstract if nothing is said."""
    for want in brief.wanted:
        home = subjects()[want.name].home
        if home not in brief.banned:
            return home
    choice = _BY_LIGHT.get(brief.palettes[0] if brief.palettes else "", "abstract")
    if choice not in brief.banned:
        return choice
    others = ("abstract", "sky", "hills", "sea", "studio", "room")
    # With everything forbidden an empty backdrop is the least that can be drawn.
    return next((s for s in others if s not in brief.banned), "abstract")
