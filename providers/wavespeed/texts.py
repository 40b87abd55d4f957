"""Texts that WaveSpeed's language models deliver, as the studio keeps them: JSON.

The captioner delivers a caption and nothing else. Tags and colours are its own words, picked by a
plain rule (see ``tagged``); objects are left empty, because words do not tell things from moods.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from importlib.resources import files

from providers.contract import Output
from studio.errors import BadResponse

LONGEST = 10_000
"""Characters, as many as the studio takes for a prompt."""

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_SHORTEST_TAG = 3
_LISTS = tomllib.loads((files("providers.wavespeed") / "words.toml").read_text(encoding="utf-8"))
_COLOURS = frozenset(_LISTS["colours"].split())
_STOP_WORDS = frozenset(_LISTS["stop_words"].split())


def json_output(values: dict[str, object]) -> Output:
    """Return values as an output."""
    return Output(json.dumps(values, ensure_ascii=False).encode(), "application/json")


def text_of(outputs: list[object]) -> str:
    """Return the text that was delivered.

    Raises:
        BadResponse: there is none, or it is longer than any that is of use.
    """
    text = outputs[0] if outputs else ""
    if not isinstance(text, str) or not text.strip():
        raise BadResponse("WaveSpeed delivered no text.", provider="wavespeed")
    plain = " ".join(text.replace("\x00", "").split())
    if len(plain) > LONGEST:
        raise BadResponse(
            "WaveSpeed delivered a text that is too long.",
            provider="wavespeed",
            given=f"{len(plain)} characters",
            allowed=f"at most {LONGEST}",
        )
    return plain


def tagged(caption: str, most_tags: int) -> dict[str, object]:
    """Return a caption with tags from its own words.

    A tag is a word of at least three letters that is neither a function word nor a colour; the
    most frequent come first, then those that come first in the caption. Colours are the colour
    words. Nothing is known of objects.
    """
    words = [word.lower() for word in _WORD.findall(caption)]
    counts = Counter(words)
    tags = [
        word
        for word in counts
        if len(word) >= _SHORTEST_TAG and word not in _STOP_WORDS and word not in _COLOURS
    ]
    tags.sort(key=lambda word: -counts[word])  # stable: the caption's order breaks ties
    return {
        "caption": caption,
        "tags": tags[:most_tags],
        "objects": [],
        "colors": [word for word in counts if word in _COLOURS],
    }
