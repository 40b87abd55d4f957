"""The best matches first.

Databases rank each in their own way, and all of them read every match for it. Here the newest
matches are ranked, alike on every database: a word counts more in a title than in a tag, and more
in a tag than somewhere in a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from library.card_tables import asset_tags
from library.cards import texts_of
from library.matches import searched
from library.pages import Question, Stretch, stretch
from library.sorting import NEWEST
from library.words import folded, words_of
from studio.errors import InvalidRequest

MOST_RANKED = 500
"""The newest matches, which are ranked; older ones follow in no search by rank."""

_TITLE, _TAG, _NAME, _NOTE, _PROMPT = 8, 6, 3, 2, 2
_TOGETHER = 4
"""For what was searched for standing together in its order."""

_CURSOR = re.compile(r"ranked\.([0-9]{1,6})\.([0-9a-f]{1,16})")


def ranked(
    connection: Connection, asked: Question, typed: str, limit: int, after: str = ""
) -> Stretch:
    """Return a page of the newest matches, those first that meet the words best.

    Raises:
        InvalidRequest: nothing is searched for, or ``after`` is no place in this order.
    """
    wanted = [word for term in searched(typed) if term.wanted for word in term.ways[0]]
    if not wanted:
        raise InvalidRequest(
            "Only what is searched for can be ranked.",
            field="sort",
            given="ranked",
            allowed="with words to search for; another order without",
        )
    place = _read(after)
    rows = stretch(connection, asked, NEWEST, MOST_RANKED).rows
    scores = _scores(connection, rows, wanted)
    order = sorted(rows, key=lambda row: (-scores[row.number], -row.number))
    if place:
        order = [row for row in order if (-scores[row.number], -row.number) > place]
    some = order[:limit]
    more = len(order) > limit
    last = f"ranked.{scores[some[-1].number]}.{some[-1].number:x}" if more else ""
    return Stretch(some, last)


def _read(after: str) -> tuple[int, int] | None:
    if not after:
        return None
    found = _CURSOR.fullmatch(after)
    if found is None:
        raise InvalidRequest(
            "That is no place in this list.",
            field="after",
            given=after,
            allowed="what the page before named, in the same order (ranked)",
        )
    return -int(found[1]), -int(found[2], 16)


def _scores(connection: Connection, rows: Sequence[Any], wanted: Sequence[str]) -> dict[int, int]:
    from library.assets import assets_by_id  # noqa: PLC0415 - it files cards, which are ranked here

    numbers = [row.number for row in rows]
    whole = {each.id: each for each in assets_by_id(connection, [row.asset for row in rows])}
    query = select(asset_tags.c.number, asset_tags.c.tag).where(
        asset_tags.c.number.in_(numbers), asset_tags.c.state == "accepted"
    )
    tagged: dict[int, list[str]] = {}
    for number, tag in connection.execute(query):
        tagged.setdefault(number, []).append(tag)
    phrase = " ".join(wanted)
    found = {}
    for row in rows:
        asset = whole[row.asset]
        name, *prompts = texts_of(asset)
        fields = (
            (_TITLE, row.title),
            (_TAG, " ".join(tagged.get(row.number, ()))),
            (_NAME, name),
            (_NOTE, row.notes),
            (_PROMPT, " ".join(prompts)),
        )
        found[row.number] = sum(_score(weight, text, wanted, phrase) for weight, text in fields)
    return found


def _score(weight: int, text: str, wanted: Sequence[str], phrase: str) -> int:
    if not text:
        return 0
    plain = folded(text)
    if not any(word in plain for word in wanted):
        return 0
    cut = list(words_of(text))
    there = set(cut)
    score = weight * sum(word in there for word in wanted)
    if len(wanted) > 1 and phrase in " ".join(cut):
        score += weight * _TOGETHER
    return score
