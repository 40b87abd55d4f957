"""Words as the numbers of their pieces, by the vocabulary that the network was trained with.

The rules are those of BERT's uncased tokenizer (Devlin et al. 2018): text is folded, cut at blanks
and around each sign, and every word is the longest pieces that it can be put together from.
"""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("vocab.txt.gz")
_LONGEST_WORD = 100
"""Characters; a longer word is unknown, as it was in training."""
_UNKNOWN, _BEGIN, _END = "[UNK]", "[CLS]", "[SEP]"


def pieces(text: str) -> list[int]:
    """Return the numbers of a text's pieces, with those that begin and end it."""
    known = _vocabulary()
    found = [known[_BEGIN]]
    for word in _words(text):
        found += _cut(word, known)
    return [*found, known[_END]]


@cache
def _vocabulary() -> Mapping[str, int]:
    lines = gzip.decompress(_FILE.read_bytes()).decode().splitlines()
    return {piece: number for number, piece in enumerate(lines)}


def _words(text: str) -> Iterator[str]:
    """Yield words and single signs, in lower case and without accents."""
    plain = unicodedata.normalize("NFD", text.lower())
    word = ""
    for sign in plain:
        kind = unicodedata.category(sign)
        if kind == "Mn" or (kind.startswith("C") and not sign.isspace()):
            continue
        if sign.isspace() or _stands_alone(sign, kind):
            if word:
                yield word
            word = ""
            if not sign.isspace():
                yield sign
        else:
            word += sign
    if word:
        yield word


def _stands_alone(sign: str, kind: str) -> bool:
    """Whether a sign is a word of its own: punctuation, all signs of ASCII, and Chinese ones."""
    if sign.isascii():
        return not sign.isalnum() and not sign.isspace()
    return kind.startswith("P") or "CJK" in unicodedata.name(sign, "")


def _cut(word: str, known: Mapping[str, int]) -> list[int]:
    """Return the numbers of the longest pieces that make a word."""
    found: list[int] = []
    start = 0
    while start < len(word) <= _LONGEST_WORD:
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in known:
                found.append(known[piece])
                start = end
                break
        else:
            return [known[_UNKNOWN]]
    return found or [known[_UNKNOWN]]
