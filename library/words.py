"""What an asset is found by: words of its texts, and marks of what filters ask for.

Texts are cut into words here and not by the databases, so that all of them find the same. A mark
begins with a character that no word has: nobody can type one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b

MOST_WORDS = 400
"""Words of one asset that are searched."""

LONGEST_WORD = 40
"""Characters of a word that are looked at."""

_MARK = "\ue000"
_HEAD_OF_ID = "\ue001"
_TAIL_OF_ID = "\ue002"
_PLAIN = re.compile(r"[a-z0-9]+")
_WORD = re.compile(r"[^\W_]+")
# Scripts that are written without blanks: each of their characters is a word.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff]"
)
_ID = re.compile(r"(?:[a-z]{3}_)?([0-9a-hjkmnp-tv-z]{6,26})(?:_\d\d)?", re.ASCII)
_HEADS = (16, 12, 8)
_TAILS = (8, 6)
_END = re.compile(r"([0-9a-hjkmnp-tv-z]{5})_(\d\d)", re.ASCII)
_SHORT_TAIL = 5
"""Of the id without the place of an output: both together are its last eight characters."""

_WHOLE_ID = 26


def folded(text: str) -> str:
    """Return a text without the difference of case, width and accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(each for each in apart if not unicodedata.combining(each))


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text, folded, in their order."""
    plain = folded(text)
    if plain.isascii():
        for word in _PLAIN.findall(plain):
            yield word[:LONGEST_WORD]
        return
    for run in _WORD.findall(_UNSPACED.sub(r" \g<0> ", plain)):
        yield run[:LONGEST_WORD]


@lru_cache(maxsize=50_000)
def mark(facet: str, value: str) -> str:
    """Return the mark of everything that has this value of a facet, such as a model's name."""
    digest = blake2b(f"{facet}\0{value}".encode("utf-8", "replace"), digest_size=6)
    return f"{_MARK}{digest.hexdigest()}"


def body_of(identifier: str) -> str:
    """Return what an id shares with those of the same job; empty for an id of another form."""
    body = identifier.partition("_")[2].partition("_")[0]
    return body if len(body) == _WHOLE_ID else ""


def marks_of_id(identifier: str) -> Iterator[str]:
    """Yield the marks of the beginnings and ends of an id, by which parts of it are found."""
    if body := body_of(identifier):
        yield f"{_HEAD_OF_ID}{body}"
        for length in _HEADS:
            yield f"{_HEAD_OF_ID}{body[:length]}"
        for length in _TAILS:
            yield f"{_TAIL_OF_ID}{body[-length:]}"
        if place := identifier.partition("_")[2].partition("_")[2]:
            yield f"{_TAIL_OF_ID}{body[-_SHORT_TAIL:]}{place}"


def marks_of_part(typed: str) -> list[str]:
    """Return the marks that the id has of which ``typed`` may be the beginning or the end."""
    low = typed.lower()
    if short := _END.fullmatch(low):
        return [f"{_TAIL_OF_ID}{short[1]}{short[2]}"]
    found = _ID.fullmatch(low)
    if found is None:
        return []
    part = found[1]
    if len(part) == _WHOLE_ID:
        return [f"{_HEAD_OF_ID}{part}"]
    heads = [f"{_HEAD_OF_ID}{part[:length]}" for length in _HEADS if len(part) >= length]
    tails = [f"{_TAIL_OF_ID}{part[-length:]}" for length in _TAILS if len(part) >= length]
    return [*heads[:1], *tails[:1]]


def borne(tag: str) -> str:
    """Return what a tag adds to a document: its words, and its mark behind them.

    So it can be taken out again as a whole: the same words elsewhere in the document stay.
    """
    return " ".join((*words_of(tag), mark("tag", tag)))


def document(marks: Iterable[str], texts: Iterable[str], tags: Iterable[str] = ()) -> str:
    """Return what is indexed, with a blank before and after: each mark and word once, then tags."""
    found = dict.fromkeys(marks)
    most = len(found) + MOST_WORDS
    for text in texts:
        found.update(dict.fromkeys(words_of(text)))
        if len(found) >= most:
            break
    return f" {' '.join((*list(found)[:most], *map(borne, tags)))} "
