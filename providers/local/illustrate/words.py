"""From text to tokens, and from tokens to what they can mean."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from providers.local.illustrate.subjects import subjects

_FILE = Path(__file__).with_name("keywords.toml")
_TOKEN = re.compile(r"[^\W_]+(?:['&\-][^\W_]+)*|[^\w\s]")
_BREAKS = frozenset(".,;:!?()[]{}|/\n")
_IRREGULAR = {
    "mice": "mouse",
    "geese": "goose",
    "children": "child",
    "people": "person",
    "men": "man",
    "women": "woman",
    "wolves": "wolf",
    "leaves": "leaf",
    "teeth": "tooth",
    "feet": "foot",
    "loaves": "loaf",
    "knives": "knife",
    "scarves": "scarf",
    "oxen": "ox",
    "cacti": "cactus",
    "octopi": "octopus",
    "babies": "baby",
    "elves": "elf",
    "ladies": "lady",
    "halves": "half",
    "shelves": "shelf",
    "buses": "bus",
    "heroes": "hero",
    "mangoes": "mango",
    "tomatoes": "tomato",
}
MAX_CHARACTERS = 4000
"""Text beyond this is not read: no prompt needs it, and the work stays bounded."""
MAX_WORDS_IN_PHRASE = 6


@dataclass(frozen=True)
class Meaning:
    """One thing a phrase can stand for: ``kind`` is a section of keywords.toml, or ``subjects``."""

    kind: str
    value: str


@dataclass(frozen=True)
class Hit:
    """A phrase of the prompt. ``meanings`` is empty if it is not understood.

    ``plural`` if it was a plural form.
    """

    text: str
    meanings: tuple[Meaning, ...]
    plural: bool = False
    breaks: bool = False

    def value(self, kind: str) -> str | None:
        """The meaning of that kind, if there is one."""
        return next((m.value for m in self.meanings if m.kind == kind), None)


@cache
def lexicon() -> dict[str, tuple[Meaning, ...]]:
    """Every known phrase and its meanings."""
    table: dict[str, list[Meaning]] = {}
    for section, rows in tomllib.loads(_FILE.read_text("utf-8")).items():
        for value, phrases in rows.items():
            if section == "colours":
                table.setdefault(value, []).append(Meaning(section, phrases))
                continue
            for phrase in phrases.split(", "):
                table.setdefault(phrase, []).append(Meaning(section, value))
    for name, subject in subjects().items():
        for word in subject.words:
            table.setdefault(word, []).append(Meaning("subjects", name))
    return {phrase: tuple(meanings) for phrase, meanings in table.items()}


def tokens(text: str) -> list[str]:
    """Words and marks, lower case; accents kept, control characters and emoji modifiers dropped."""
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).casefold().replace("\u2019", "'")
    clean = "".join(
        " " if unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} and c != "\n" else c
        for c in plain
    )
    clean = "".join(c for c in clean if unicodedata.category(c) not in {"Cf", "Mn"} or c.isspace())
    return _TOKEN.findall(clean)


def singulars(word: str) -> Iterator[str]:
    """Possible singular forms of a word, likeliest first."""
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    if len(word) > 3 and word.endswith("ies"):
        yield word[:-3] + "y"
    if len(word) > 3 and word.endswith("es"):
        yield word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
    if word.endswith("'s"):
        yield word[:-2]


def look_up(phrase: str) -> tuple[tuple[Meaning, ...], bool]:
    """The meanings of a phrase, and whether it had to be taken as a plural."""
    table = lexicon()
    if phrase in table:
        return table[phrase], phrase in _IRREGULAR
    head, _, last = phrase.rpartition(" ")
    for form in singulars(last):
        whole = f"{head} {form}" if head else form
        if whole in table:
            return table[whole], not last.endswith("'s")
    return (), False


def hits(text: str) -> list[Hit]:
    """Read a text as the longest known phrases, in order.

    Unknown words are hits without meaning.
    """
    words = tokens(text)
    found: list[Hit] = []
    i = 0
    while i < len(words):
        if words[i] in _BREAKS:
            found.append(Hit(words[i], (), breaks=True))
            i += 1
            continue
        for n in range(min(MAX_WORDS_IN_PHRASE, len(words) - i), 0, -1):
            phrase = " ".join(words[i : i + n])
            meanings, plural = look_up(phrase)
            if meanings:
                found.append(Hit(phrase, meanings, plural))
                i += n
                break
        else:
            parts = words[i].split("-")
            if len(parts) > 1:  # "fox-shaped": try the parts by themselves
                words[i : i + 1] = parts
                continue
            if any(c.isalnum() or unicodedata.category(c) == "So" for c in words[i]):
                found.append(Hit(words[i], ()))
            i += 1
    return found
