"""Filing cards: what an asset is found by, counted in the same transaction."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Executable
from sqlalchemy.dialects import postgresql, sqlite

from library.card_tables import cards, counts, hashes, words
from library.numbers import take_numbers
from library.words import document, folded, mark, marks_of_id
from studio.database.bulk import insert_records
from studio.operations import OPERATIONS

if TYPE_CHECKING:
    from library.assets import Asset

Counted = tuple[str, str, str]
"""An owner, a facet and a value."""

COUNTED = ("kind", "operation", "provider", "model", "template", "status")
"""Columns of a card of whose values it is counted how many there are."""

_MEDIA: Mapping[str, str] = {
    "image/": "image",
    "video/": "video",
    "audio/": "audio",
    "text/": "text",
    "application/json": "text",
    "model/": "model",
}
_RATIOS = ("1:1", "4:5", "5:4", "3:4", "4:3", "2:3", "3:2", "9:16", "16:9", "1:2", "2:1", "21:9")
_CLOSE = 0.015
_HASH = re.compile("[0-9a-f]{16}")

COLOURS = (
    *("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown"),
    *("black", "grey", "white"),
)
"""The names of colours that pictures are found by."""

_LABEL = 100
_BAND_BITS = 16
_BANDS = 4
_SIGN = 2**63


def kind_of(media_type: str) -> str:
    """Return which kind of file a media type is: image, video, audio, text, model or file."""
    for beginning, kind in _MEDIA.items():
        if media_type.startswith(beginning):
            return kind
    return "file"


@cache
def module_of(operation: str) -> str:
    """Return the studio's module that an operation belongs to; ``import`` is the library's."""
    known = OPERATIONS.get(operation)
    return known.module if known else "library"


@cache
def shapes_of(width: int, height: int) -> tuple[str, ...]:
    """Return the shapes that a picture has: upright, wide or square, and its usual ratio."""
    if not width or not height:
        return ()
    shape = "square" if width == height else "landscape" if width > height else "portrait"
    for ratio in _RATIOS:
        across, down = (int(side) for side in ratio.split(":"))
        if abs(width * down / (height * across) - 1) <= _CLOSE:
            return shape, ratio
    return (shape,)


SHAPES = ("square", "landscape", "portrait", *_RATIOS)
"""The shapes that can be asked for; a ratio is met within 1.5 per cent."""


def label_of(title: str, name: str) -> str:
    """Return what an asset is sorted by when it is sorted by name."""
    return folded(title or name)[:_LABEL]


def signed(phash: object) -> int | None:
    """Return a perceptual hash of 16 hexadecimal digits as a signed number; ``None`` for none."""
    if not isinstance(phash, str) or not _HASH.fullmatch(phash):
        return None
    number = int(phash, 16)
    return number - 2 * _SIGN if number >= _SIGN else number


def bands_of(phash: int) -> list[int]:
    """Return the four bands of a hash, each with its place, so that no two places are alike."""
    whole = phash % (2 * _SIGN)
    parts = [(whole >> (_BAND_BITS * place)) & 0xFFFF for place in range(_BANDS)]
    return [(place << _BAND_BITS) | part for place, part in enumerate(parts)]


def texts_of(asset: Asset) -> Iterator[str]:
    """Yield the texts of an asset that never change: file name, prompts, model, run."""
    made_by = (asset.provider, asset.model, asset.operation)
    return texts_in(asset.name, asset.request, asset.facts, made_by, asset.run)


def texts_in(
    name: str,
    request: Mapping[str, Any],
    facts: Mapping[str, Any],
    made_by: Iterable[str],
    run: str,
) -> Iterator[str]:
    """Yield the same from the values themselves."""
    yield name
    for field, value in request.items():
        if field.endswith("prompt") and not field.startswith("negative") and isinstance(value, str):
            yield value
    yield str(facts.get("prompt_given") or "")
    yield " ".join(made_by)
    yield run


def fixed_marks(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield the marks of what never changes about a card."""
    yield mark("module", module_of(card["operation"]))
    for column in COUNTED:
        if card[column]:
            yield mark(column, card[column])
    for shape in shapes_of(card["width"], card["height"]):
        yield mark("shape", shape)
    for colour in filter(None, card["colours"].split(",")):
        yield mark("colour", colour)
    yield from marks_of_id(card["asset"])


def card_of(asset: Asset, number: int) -> dict[str, Any]:
    """Return the card of an asset that has just arrived."""
    told = asset.facts.get("colours")
    colours = [each for each in told if each in COLOURS] if isinstance(told, list) else []
    return {
        "number": number,
        "asset": asset.id,
        "owner": asset.owner,
        "title": "",
        "notes": "",
        "rating": 0,
        "favourite_at": None,
        "deleted_at": None,
        "purged_at": None,
        "colours": ",".join(colours),
        "phash": signed(asset.facts.get("phash")),
        "kind": kind_of(asset.media_type),
        "status": "completed",
        "operation": asset.operation,
        "provider": asset.provider,
        "model": asset.model,
        "template": str(asset.facts.get("template") or ""),
        "label": label_of("", asset.name),
        "bytes": asset.bytes,
        "width": asset.width,
        "height": asset.height,
        "credits": asset.credits,
    }


def file_cards(connection: Connection, new: Sequence[Asset]) -> None:
    """File the cards of assets that have just arrived, within the caller's transaction."""
    numbers = take_numbers(connection, [asset.created_at for asset in new])
    rows = [card_of(asset, number) for asset, number in zip(new, numbers, strict=True)]
    insert_records(connection, cards, rows)
    texts = [
        {
            "number": row["number"],
            "words": document(
                (mark("live", row["owner"]), *fixed_marks(row)),
                texts_of(asset),
            ),
        }
        for row, asset in zip(rows, new, strict=True)
    ]
    insert_records(connection, words, texts)
    bands = [
        {"owner": row["owner"], "band": band, "number": row["number"]}
        for row in rows
        if row["phash"] is not None
        for band in bands_of(row["phash"])
    ]
    insert_records(connection, hashes, bands)
    count(connection, _arrived(rows))


def _arrived(rows: Iterable[Mapping[str, Any]]) -> Counter[Counted]:
    found: Counter[Counted] = Counter()
    for row in rows:
        owner = row["owner"]
        found[owner, "live", ""] += 1
        found[owner, "bytes", ""] += row["bytes"]
        for column in COUNTED:
            if row[column]:
                found[owner, column, row[column]] += 1
    return found


def count(connection: Connection, changes: Mapping[Counted, int]) -> None:
    """Add to the counts, in an order that is the same for everybody: nobody waits in a circle."""
    rows = [
        {"owner": owner, "facet": facet, "value": value, "count": change}
        for (owner, facet, value), change in sorted(changes.items())
        if change
    ]
    if not rows:
        return
    connection.execute(_add_to_counts(connection.dialect.name), rows)


@cache
def _add_to_counts(dialect: str) -> Executable:
    row = (postgresql if dialect == "postgresql" else sqlite).insert(counts)
    together = {"count": counts.c.count + row.excluded.count}
    keys = ["owner", "facet", "value"]
    adds: Executable = row.on_conflict_do_update(index_elements=keys, set_=together)
    return adds
