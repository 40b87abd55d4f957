"""A selection of the library: the assets that a piece of work is about."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO

from sqlalchemy import Connection

from engine.batch_source import BatchSource
from engine.preflight import check_identity
from engine.studio import Studio
from library import Asset, Filters, find_page
from library.collecting import collections_of
from studio.errors import InvalidRequest, NotFound

MOST = 10_000
"""Assets of one selection."""

_PAGE = 500
_FIELDS = "words, collection, tag, favourites"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a form says of the assets that are meant; at least one of the first four is needed.

    Attributes:
        words: as the library is searched, ids among them.
        collection: the id or the name of one; what is in those within it counts, too.
        tag: that they bear.
        favourites: whether only favourites are meant.
        kind: image, video, audio, text or model; empty for any.
        most: how many there may be, 1 to 10,000.
    """

    words: str = ""
    collection: str = ""
    tag: str = ""
    favourites: bool = False
    kind: str = ""
    most: int = MOST

    def __str__(self) -> str:
        """Say it in a few words, as runs and files are named."""
        parts = (
            self.words,
            f"collection {self.collection}" if self.collection else "",
            f"tag {self.tag}" if self.tag else "",
            "favourites" if self.favourites else "",
        )
        return ", ".join(part for part in parts if part) or "nothing"


def select_assets(studio: Studio, owner: str, wanted: Selection, user: str = "") -> list[Asset]:
    """Return the assets of a selection, the oldest first.

    Args:
        user: who asks; empty stands for the user of the owner's own name.

    Raises:
        AccountRefused: the user is no member of the workspace.
        InvalidRequest: nothing is chosen by, or more are found than ``most``: a part of them
            would be a choice that nobody made.
        NotFound: there is no such collection, or nothing is found.
    """
    check_identity(studio.database, owner, user, "look")
    if not (wanted.words.strip() or wanted.collection or wanted.tag or wanted.favourites):
        raise InvalidRequest(
            "Say which assets.",
            field=_FIELDS,
            given="nothing",
            allowed="words to search for, a collection, a tag, or favourites only",
        )
    with studio.database.read() as connection:
        filters = _filters(connection, owner, wanted)
    found: list[Asset] = []
    after = ""
    while True:
        with studio.database.read() as connection:
            page = find_page(connection, owner, filters, sort="oldest", limit=_PAGE, after=after)
        found += [each.asset for each in page.found]
        if len(found) > wanted.most:
            raise InvalidRequest(
                "More assets are found than may be.",
                field="most",
                given=f"{wanted.most}, and there are more",
                allowed=f"a narrower selection, or a higher number, {MOST:,} at the highest",
            )
        after = page.following
        if not after:
            break
    if not found:
        raise NotFound(
            "No asset fits.",
            field=_FIELDS,
            given=str(wanted),
            allowed="what `studio library list` finds with the same",
        )
    return found


def as_batch(assets: list[Asset], wanted: Selection) -> BatchSource:
    """Return a selection as a batch file: a row for each asset, which is its picture.

    Rows are named by their assets, so that one that was done before is found again.
    """
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(("row", "image"))
    writer.writerows((each.id, each.id) for each in assets)
    return BatchSource(text.getvalue().encode(), f"library: {wanted}"[:100], None)


def _filters(connection: Connection, owner: str, wanted: Selection) -> Filters:
    return Filters(
        words=wanted.words.strip(),
        collection=_collection(connection, owner, wanted.collection.strip()),
        tag=wanted.tag.strip(),
        favourite=True if wanted.favourites else None,
        kind=wanted.kind,
    )


def _collection(connection: Connection, owner: str, name: str) -> str:
    """Return the id of a collection that was named by it, or by its name as people see it."""
    if not name:
        return ""
    there = [each for each, _ in collections_of(connection, owner)]
    found = [each.id for each in there if each.id == name]
    found = found or [each.id for each in there if each.name.casefold() == name.casefold()]
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted({each.name for each in there})[:20]) or "none yet"
    raise NotFound(
        "There is no such collection." if not found else "Several collections have that name.",
        field="collection",
        given=name,
        allowed=f"the id (col_...) of one of {len(found)}" if found else f"an id, or: {names}",
    )
