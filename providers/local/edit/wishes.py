"""Read an edit in words as a list of corrections; whatever is not understood is named.

Nothing here understands language: the words are looked up. A prompt is done only if every word of
it belongs to a correction that is known or carries no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from providers.local.edit import colours

KNOWN = (
    "brighter/darker, more/less contrast, warmer/cooler, more/less saturated, black and white, "
    "sepia, invert the colours, sharpen, blur, denoise, more clarity, auto-enhance, rotate (left, "
    "right, 180, 12 degrees), flip, crop to 16:9 or square, vignette, a white border, remove the "
    "background, blur the background, make the background white, make the red car blue"
)
"""What may be asked for, for people."""
MOST_STEPS = 8
"""Corrections in one prompt."""

_MUCH = 1.6
_LITTLE = 0.5
_USUAL = 0.25
"""The change that a correction makes by itself; "by 50%" is twice that."""
_AMOUNTS = (
    (r"\b(?:very )?(?:slightly|a little(?: bit)?|a bit|a touch|subtly|gently|somewhat)\b", _LITTLE),
    (r"\b(?:much|very|a lot|lots|strongly|far|really|dramatically|significantly|heavily)\b", _MUCH),
    (r"\b(?:subtle|slight|gentle|light touch)\b", _LITTLE),
    (r"\b(?:strong|heavy|dramatic)\b", _MUCH),
)
_PERCENT = re.compile(r"\b(?:by )?(\d{1,3}) ?(?:%|percent\b)")
_FILLER = frozenset(
    re.findall(
        r"\w+",
        """
        please make it this that the a an picture image photo photograph whole of to and then also
        be look with in more for my its apply add give some effect filter turn into bit colors
        colours color colour tones tone overall all let have can could you should so i want would
        like get degrees by change edit convert set too just now our on at
        """,
    )
)
_MORE = r"(?:more|increased?|raise|boost(?:ed)?|higher|stronger|add(?: more)?|enhance|improve)"
_LESS = r"(?:less|reduced?|lower(?:ed)?|decreased?|weaker|soften)"
_THE = r"(?: the| its| overall| some)*"


@dataclass(frozen=True)
class Step:
    """One correction.

    Attributes:
        name: a key of ``corrections.CORRECTIONS`` or of ``edit.PARTS``.
        amount: 1 is the usual strength; negative for the contrary.
        value: what else it takes: degrees, a ratio, a colour, a thing.
    """

    name: str
    amount: float = 1.0
    value: str = ""


@dataclass(frozen=True)
class Wishes:
    """What a prompt asks for, in its order, and the words that were not understood."""

    steps: tuple[Step, ...]
    unknown: tuple[str, ...]


_Made = Callable[[re.Match[str]], tuple[str, float, str]]


def _fixed(name: str, sign: float = 1.0, value: str = "") -> _Made:
    return lambda _: (name, sign, value)


def _said(name: str, *groups: int) -> _Made:
    return lambda match: (name, 1.0, "|".join((match[group] or "").strip() for group in groups))


def _turned(match: re.Match[str]) -> tuple[str, float, str]:
    degrees = float(match[1] or match[3] or 90)
    words = match[0]
    backwards = "counter" in words or "anti" in words or re.search(r"\bleft\b", words)
    return "rotate", 1.0, f"{-degrees if backwards else degrees:g}"


def _pair(name: str, noun: str) -> list[tuple[str, _Made]]:
    """Return "more X" and "less X" with the verbs that say the same."""
    return [
        (rf"\b{_LESS}{_THE} (?:{noun})\b", _fixed(name, -1)),
        (rf"\b{_MORE}{_THE} (?:{noun})\b", _fixed(name)),
        (rf"\bhigh (?:{noun})\b", _fixed(name)),
        (rf"\blow (?:{noun})\b", _fixed(name, -1)),
    ]


_CLOCK = r"(?:counter[- ]?clockwise|anti[- ]?clockwise|clockwise)"
_SIDE = r"(?:to the )?(?:left|right)"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], _Made], ...]:
    """Return what is looked for, the more special before the more general."""
    rows: list[tuple[str, _Made]] = [
        (r"\b(?:remove|erase|cut out|delete|drop|take (?:out|away))(?: the)? background\b",
         _fixed("cut_out")),
        (r"\b(?:transparent background|background transparent|no background)\b",
         _fixed("cut_out")),
        (r"\b(?:blur(?:red|ry)?|soften|defocus(?:ed)?)(?: the)? background\b",
         _fixed("blur_background")),
        (r"\b(?:make |turn )?(?:the )?background (?:blurred|blurry|softer|out of focus)\b",
         _fixed("blur_background")),
        (r"\b(?:gr[ea]y ?scale|monochrome)\b", _fixed("monochrome")),
        (r"\b(?:sepia)\b", _fixed("sepia")),
        (r"\binvert(?:ed)?\b|\bnegative\b", _fixed("invert")),
        (r"\bdesaturated?\b|\bmuted\b|\bless (?:saturated|vivid|vibrant|colou?rful)\b",
         _fixed("saturation", -1)),
        *_pair("saturation", "saturation|vibrance|vibrancy|colou?rs?"),
        (r"\bsaturated?\b|\b(?:more )?(?:vivid|vibrant|colou?rful)\b", _fixed("saturation")),
        *_pair("contrast", "contrast"),
        (r"\bless contrasty\b|\bflatter\b", _fixed("contrast", -1)),
        (r"\b(?:more )?contrasty\b|\bpunchier\b", _fixed("contrast")),
        *_pair("clarity", "clarity|local contrast|texture|details?"),
        (r"\bdehazed?\b|\bremove(?: the)? haze\b|\bclearer\b|\bcrisper\b", _fixed("clarity")),
        *_pair("brightness", "brightness|exposure|light"),
        (r"\bless bright\b|\b(?:darker|darkened|darken)\b", _fixed("brightness", -1)),
        ((r"\bless dark\b|\b(?:brighter|brightened|brighten|lighter|lightened|lighten)\b"
         r"|\bmore bright\b"), _fixed("brightness")),
        (r"\bless warm\b|\b(?:cooler|colder|bluer)\b|\bcool (?:down|tones?)\b|\bmore cool\b",
         _fixed("warmth", -1)),
        (r"\bless cool\b|\b(?:warmer|warm)\b(?: up)?|\bmore warm\b", _fixed("warmth")),
        (r"\b(?:sharpen(?:ed)?|sharper|sharp)\b|\bmore sharp(?:ness)?\b", _fixed("sharpen")),
        ((r"\b(?:denoised?|remove(?: the)? (?:noise|grain)|reduce(?: the)? (?:noise|grain)"
         r"|less (?:noise|noisy|grain|grainy)|noise reduction)\b"), _fixed("denoise")),
        (r"\b(?:blur(?:red|ry)?|soft(?:er|en|ened)|defocus(?:ed)?|out of focus)\b", _fixed("blur")),
        (r"\b(?:auto[- ]?(?:enhance|levels|contrast|correct|fix)|enhanced?|improved?)\b",
         _fixed("enhance")),
        (r"\bupside down\b", _fixed("rotate", 1, "180")),
        ((rf"\b(?:rotate|turn)d?(?: it| this)?(?: the (?:picture|image|photo))?"
         rf"(?: by)? (\d{{1,3}}(?:\.\d)?) ?(?:degrees?|deg|°)?(?: ({_CLOCK}|{_SIDE}))?()"),
         _turned),
        ((rf"\b(?:rotate|turn)d?(?: it| this)?(?: the (?:picture|image|photo))? ()"
         rf"({_CLOCK}|{_SIDE})(?: by)?(?: (\d{{1,3}}) ?(?:degrees?|deg|°)?)?"), _turned),
        ((r"\b(?:flip(?:ped)?|mirror(?:ed)?)(?: it| this)?(?: the (?:picture|image|photo))?"
         r" (?:vertically|vertical|top to bottom)\b"), _fixed("flip", 1, "vertical")),
        ((r"\b(?:flip(?:ped)?|mirror(?:ed)?)(?: it| this)?(?: the (?:picture|image|photo))?"
         r"(?: (?:horizontally|horizontal|left to right))?\b"), _fixed("flip", 1, "horizontal")),
        ((r"\bcrop(?:ped)?(?: it| this)?(?: the (?:picture|image|photo))?(?: to| as)?(?: an?)?"
         r"(?: (?:ratio|aspect ratio)(?: of)?)? (\d{1,3}) ?(?::|x|/|by) ?(\d{1,3})"
         r"(?: (?:ratio|aspect ratio|format))?"), _said("crop", 1, 2)),
        ((r"\b(?:crop(?:ped)?(?: it| this)?(?: the (?:picture|image|photo))?(?: to| as| into)?"
         r"(?: an?)?|make it(?: an?)?) square\b"), _fixed("crop", 1, "1|1")),
        (r"\bvignett(?:e|ing)\b", _fixed("vignette")),
        (r"\b(?:([\w# ]*?) )?(?:border|frame)(?: of)?(?: (\d{1,3}) ?(?:px|pixels?))?(?: in (\w+))?",
         _said("border", 1, 2, 3)),
    ]  # fmt: skip
    return tuple((re.compile(pattern), made) for pattern, made in rows)


_BACKDROP = re.compile(
    r"\b(?:(?:make|turn|change|set|paint|colou?r|replace)(?: the)? background"
    r"(?: colou?r)?(?: to| into| with| by)?(?: an?)? ((?:\w+ ){0,2}?[\w#]+)"
    r"|(?:on|with|before)(?: an?)? ((?:\w+ ){0,2}?[\w#]+) background)$"
)
_RECOLOUR = re.compile(
    r"\b(?:make|turn|paint|colou?r|recolou?r|change)(?: the colou?r of)? ((?:the|my|this|a) .+)$"
)
_LONGEST_COLOUR = 3
"""Words that a colour may have, as in "light sky blue"."""


def read(prompt: str) -> Wishes:
    """Return what ``prompt`` asks for; ``unknown`` is empty if all of it can be done."""
    text = " ".join(prompt.lower().replace("\u2019", "'").split())
    text = re.sub(r"\bblack (?:and|&|n) white\b|\bb&w\b", "monochrome", text)
    steps: list[Step] = []
    unknown: list[str] = []
    for clause in re.split(r"[,;.!](?!\d)|\band\b|\bthen\b|\bplus\b|&", text):
        found, left = _clause(clause.strip())
        steps += found
        unknown += left
    return Wishes(tuple(steps), tuple(dict.fromkeys(unknown)))


def _clause(clause: str) -> tuple[list[Step], list[str]]:
    """Return the corrections of one clause and what is left of its words."""
    special = _coloured(clause)
    if special is not None:
        return [special], []
    amount, clause = _amount(clause)
    found: list[tuple[int, Step]] = []
    for pattern, made in _patterns():
        match = pattern.search(clause)
        if match:
            name, sign, value = made(match)
            found.append((match.start(), Step(name, sign * amount, value)))
            clause = clause[: match.start()] + " " * len(match[0]) + clause[match.end() :]
    left = [word for word in re.findall(r"[\w'#°%-]+", clause) if word not in _FILLER]
    return [step for _, step in sorted(found, key=lambda pair: pair[0])], left


def _coloured(clause: str) -> Step | None:
    """Return a thing, or the background, that is to have a colour."""
    match = _BACKDROP.search(clause)
    if match and _is_colour(match[1] or match[2]) and not _left(clause[: match.start()]):
        return Step("backdrop", 1.0, match[1] or match[2])
    match = _RECOLOUR.search(clause)
    if match and not _left(clause[: match.start()]):
        return _thing_and_colour(match[1].split())
    return None


def _thing_and_colour(words: Sequence[str]) -> Step | None:
    """Return "the red car to dark blue" as a thing and its new colour."""
    for count in range(_LONGEST_COLOUR, 0, -1):
        thing, colour = list(words[:-count]), " ".join(words[-count:])
        if thing and thing[-1] in {"to", "into", "in"}:
            thing.pop()
        if len(thing) > 1 and _is_colour(colour) and not _is_colour(" ".join(thing[1:])):
            return Step("recolour", 1.0, f"{' '.join(thing)}|{colour}")
    return None


def _is_colour(words: str) -> bool:
    colour, others = colours.read(words)
    return colour is not None and not others


def _left(words: str) -> Sequence[str]:
    return [word for word in words.split() if word not in _FILLER]


def _amount(clause: str) -> tuple[float, str]:
    """Return how strong it is meant, and the clause without those words."""
    amount = 1.0
    match = _PERCENT.search(clause)
    if match:
        amount = min(float(match[1]) / 100, 2.0) / _USUAL
        clause = clause.replace(match[0], " ")
    for pattern, factor in _AMOUNTS:
        if re.search(pattern, clause):
            amount *= factor
            clause = re.sub(pattern, " ", clause)
    return amount, " ".join(clause.split())
