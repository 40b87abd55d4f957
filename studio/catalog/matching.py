"""Matching words that people type against the words of a catalogue entry.

A word is found as it is, as the beginning of a longer one, or, where it is found nowhere in the
whole catalogue, with a typing error in it. Singular and plural are the same.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studio.errors import InvalidRequest

LONGEST_QUERY = 200
"""Characters of a query."""

_WORD = re.compile(r"\d+(?:[x:.]\d+)+|[^\W_]+")
"""A size (1080x1920), a ratio (9:16, 1.91:1) or a run of letters and digits."""
_SIZE = re.compile(r"(\d)\s*[x\u00d7*]\s*(?=\d)")
"""The sign of multiplication, and blanks around it, stand for the letter x, too."""
_IDLE = frozenset((
    "a", "an", "and", "at", "by", "for", "from", "in", "my", "of", "on", "or", "our", "the", "this",
    "to", "with", "your",
))  # fmt: skip
"""Words that say nothing about what is looked for."""

_EXACT, _BEGINNING, _SIMILAR = 1.0, 0.8, 0.6
"""How much a word is worth that is found so; a place (see ``Entry``) is worth twice the next."""
_SHORTEST_BEGINNING = 3
_SHORTEST_TYPO = 4
_CLOSENESS = 0.8
"""The least ratio of difflib at which a word counts as another one with a typing error."""


def words(text: str) -> tuple[str, ...]:
    """Return the words of ``text``, each once: small, without accents, in the singular."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    return tuple(dict.fromkeys(_singular(each) for each in _WORD.findall(_SIZE.sub(r"\1x", plain))))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > len("ties"):
        return f"{word[:-3]}y"
    if word.endswith("s") and not word.endswith("ss") and len(word) > len("is"):
        return word[:-1]
    return word


def query_words(query: str) -> tuple[str, ...]:
    """Return the words of a query that say something.

    Raises:
        InvalidRequest: the query is empty or too long.
    """
    if not query.strip() or len(query) > LONGEST_QUERY:
        raise InvalidRequest(
            "Say in a few words what to look for.",
            field="query",
            given=query,
            allowed=f"1 to {LONGEST_QUERY} characters",
        )
    return tuple(word for word in words(query) if word not in _IDLE)


@dataclass(frozen=True, slots=True)
class Hit:
    """A word of the query that was found.

    Attributes:
        word: as it stands in the entry.
        place: where it was found.
        worth: the more, the better it was found and the more the place counts.
    """

    word: str
    place: str
    worth: float


@dataclass(frozen=True, slots=True)
class Entry:
    """The words of a catalogue entry by the places where they stand; the first counts most."""

    places: Mapping[str, frozenset[str]]

    def find(self, word: str, similar: str) -> Hit | None:
        """Return the best place of ``word``, or of the one ``similar`` to it; ``None`` without."""
        for rank, (place, there) in enumerate(self.places.items()):
            found = _found(word, similar, there)
            if found:
                return Hit(found[0], place, found[1] / 2**rank)
        return None


def _found(word: str, similar: str, there: frozenset[str]) -> tuple[str, float] | None:
    if word in there:
        return word, _EXACT
    longer = min((each for each in there if _begins(each, word)), default="")
    if longer:
        return longer, _BEGINNING
    return (similar, _SIMILAR) if similar in there else None


def _begins(longer: str, word: str) -> bool:
    return len(word) >= _SHORTEST_BEGINNING and longer.startswith(word)


class Index:
    """Entries that can be looked through.

    Args:
        entries: by their names, in the order that decides between equals.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)
        self._vocabulary = sorted(
            {
                word
                for each in self._entries.values()
                for there in each.places.values()
                for word in there
            }
        )

    def look(self, query: str, among: Iterable[str]) -> list[tuple[str, tuple[Hit, ...]]]:
        """Return the entries that have the most words of ``query``, the best first.

        Whoever asks for an Instagram story gets no other story, as long as there is one on
        Instagram.

        Args:
            query: 1 to 200 characters.
            among: the names of the entries that are looked through.

        Raises:
            InvalidRequest: the query is empty or too long.
        """
        asked = [(word, self._close_to(word)) for word in query_words(query)]
        wanted = set(among)
        found = []
        for name, entry in self._entries.items():
            if name in wanted:
                hits = [entry.find(word, similar) for word, similar in asked]
                found.append((name, tuple(hit for hit in hits if hit)))
        most = max((len(hits) for _, hits in found), default=0)
        best = [(name, hits) for name, hits in found if hits and len(hits) == most]
        # The sort is stable: equals stay in the order of the catalogue.
        return sorted(best, key=lambda each: -sum(hit.worth for hit in each[1]))

    def _close_to(self, word: str) -> str:
        """Return what may be meant by a word that stands nowhere; empty if nobody can tell."""
        if len(word) < _SHORTEST_TYPO or any(_begins(each, word) for each in self._vocabulary):
            return ""
        close = difflib.get_close_matches(word, self._vocabulary, n=1, cutoff=_CLOSENESS)
        return close[0] if close else ""
