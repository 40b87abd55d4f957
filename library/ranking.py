"""The best matches first.

Databases rank each in their own way, and all of them read every match for it. Here the newest
matches are ranked, alike on every database: a word counts more in a title than in a tag, and more
in a tag than somewhere in a prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Text, select, type_coerce

from library.card_tables import asset_tags
from library.cards import texts_in
from library.matches import searched
from library.pages import Stretch, stretch
from library.questions import Question
from library.sorting import NEWEST
from library.tables import assets
from library.words import LONGEST_WORD, folded, words_of
from studio.database.among import among
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
    texts = _texts(connection, [row.asset for row in rows])
    tagged = _tags(connection, [row.number for row in rows])
    phrase = " ".join(wanted)
    found = {}
    for row in rows:
        name, *prompts = texts[row.asset]
        fields = (
            (_TITLE, row.title),
            (_TAG, " ".join(tagged.get(row.number, ()))),
            (_NAME, name),
            (_NOTE, row.notes),
            (_PROMPT, " ".join(prompts)),
        )
        found[row.number] = sum(_score(weight, text, wanted, phrase) for weight, text in fields)
    return found


def _texts(connection: Connection, identifiers: Sequence[str]) -> dict[str, list[str]]:
    """Return the texts of assets; of all that is known about them no more is read."""
    query = select(
        *(assets.c[each] for each in ("id", "name", "request", "provider", "model", "operation")),
        assets.c.run,
        type_coerce(assets.c.facts, Text).label("facts"),
    ).where(among(connection, assets.c.id, identifiers))
    found = {}
    for row in connection.execute(query):
        facts = json.loads(row.facts) if '"prompt_given"' in row.facts else {}
        made_by = (row.provider, row.model, row.operation)
        found[row.id] = list(texts_in(row.name, row.request, facts, made_by, row.run))
    return found


def _tags(connection: Connection, numbers: Sequence[int]) -> dict[int, list[str]]:
    query = select(asset_tags.c.number, asset_tags.c.tag).where(
        among(connection, asset_tags.c.number, numbers), asset_tags.c.state == "accepted"
    )
    found: dict[int, list[str]] = {}
    for number, tag in connection.execute(query):
        found.setdefault(number, []).append(tag)
    return found


def _score(weight: int, text: str, wanted: Sequence[str], phrase: str) -> int:
    if not text:
        return 0
    plain = folded(text)
    if plain.isascii():
        there = {word for word in wanted if _stands_in(word, plain)}
    else:
        there = set(wanted) & set(words_of(text)) if any(map(plain.__contains__, wanted)) else set()
    score = weight * sum(word in there for word in wanted)
    together = len(wanted) > 1 and len(there) == len(set(wanted))
    if together and phrase in " ".join(words_of(text)):
        score += weight * _TOGETHER
    return score


def _stands_in(word: str, plain: str) -> bool:
    """Whether a word stands in a folded text of ASCII; as ``words_of``, without cutting it all."""
    if not word.isascii():
        return False
    place = plain.find(word)
    while place >= 0:
        end = place + len(word)
        begins = not place or not plain[place - 1].isalnum()
        if begins and (end == len(plain) or len(word) == LONGEST_WORD or not plain[end].isalnum()):
            return True
        place = plain.find(word, place + 1)
    return False
