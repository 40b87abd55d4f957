"""``studio library similar|duplicates|check|download``: the same, the whole, and many at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from engine.references import store_of
from interfaces.cli.exits import Exit
from interfaces.cli.files import count_downloads
from interfaces.cli.library import asset_document
from interfaces.cli.library_filters import NOTHING, Choice
from interfaces.cli.library_order import identifiers
from interfaces.cli.opening import opened_database, opened_studio
from interfaces.cli.output import plain, show_facts, table
from interfaces.cli.session import Here
from library import Asset, find_asset, find_page
from library.similar import Copies
from library.similar import duplicates as same_files
from library.similar import similar as that_look_like
from studio.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from rich.console import Console

    from interfaces.cli.session import Session
    from studio.database import Database

_QUIET = Parameter(show_default=False)
_FLAG = Parameter(negative=(), show_default=False)
_PAGE = 200


def similar(asset: str, /, *, distance: int = 7, limit: int = 20, session: Here) -> int:
    """Find pictures that look like one: smaller, brighter or compressed ones, and variations.

    Args:
        asset: Its id (ast_...).
        distance: How many of the 64 bits of their hashes may differ, 0 to 7.
        limit: How many, 1 to 500.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = that_look_like(connection, session.owner, asset, distance=distance, limit=limit)

    def show(to: Console) -> None:
        rows = table("asset", "name", "distance", right=("distance",))
        for each in found:
            rows.add_row(each.found.asset.id, plain(each.found.asset.name), str(each.distance))
        to.print(rows if found else Text("None looks like it.", style="dim"))

    document = [{"distance": each.distance, **asset_document(each.found.asset)} for each in found]
    session.out.result({"similar": document}, show)
    return Exit.DONE


def duplicates(*, limit: int = 50, after: Annotated[str, _QUIET] = "", session: Here) -> int:
    """Find assets whose files are the same, byte by byte.

    Args:
        limit: Groups, 1 to 500.
        after: Go on behind this hash: the last one of the page before.
    """
    found: list[Copies] = []
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        following = after
        while True:  # a page may end before it is full
            left = limit - len(found)
            page = same_files(connection, session.owner, limit=left, after=following)
            found += page.found
            following = page.following
            if not following or len(found) == limit:
                break

    def show(to: Console) -> None:
        rows = table("sha256", "assets")
        for each in found:
            rows.add_row(each.sha256[:16], " ".join(each.assets))
        to.print(rows if found else Text("No file is there twice.", style="dim"))

    document = [{"sha256": each.sha256, "assets": list(each.assets)} for each in found]
    session.out.result({"duplicates": document, "next_after": following or None}, show)
    return Exit.DONE


def check(*, clean: Annotated[bool, _FLAG] = False, session: Here) -> int:
    """Check that files, cards, words and counts agree; of everybody, for who has the database.

    Args:
        clean: Clear away files that nothing needs and that are older than a day. They are set
            aside, and gone a day later.
    """
    from engine.tidying import check_library, remove_orphans  # noqa: PLC0415 - engine is heavy

    with opened_studio() as studio:
        with studio.database.read() as connection:
            session.require(connection, "manage")
        gone = remove_orphans(studio) if clean else None
        found = check_library(studio)
    document = {
        "right": found.right,
        "files": found.files,
        "bytes": found.bytes,
        "missing": list(found.missing),
        "orphans": list(found.orphans),
        "orphan_bytes": found.orphan_bytes,
        "faults": list(found.faults),
        "removed": gone.files if gone else 0,
        "removed_bytes": gone.bytes if gone else 0,
    }
    facts = [
        ("files", f"{found.files:,}, {found.bytes:,} bytes"),
        ("missing", ", ".join(found.missing) or "none"),
        ("not needed", f"{len(found.orphans):,}, {found.orphan_bytes:,} bytes"),
        *([("removed", f"{gone.files:,}, {gone.bytes:,} bytes")] if gone else []),
        *(("fault", each) for each in found.faults),
    ]
    session.out.result(document, lambda to: show_facts(to, facts))
    return Exit.DONE if found.right else Exit.FAILED


def download(
    *assets: str,
    to: Annotated[str, Parameter(show_default=False)],
    force: Annotated[bool, _FLAG] = False,
    words: Annotated[str, _QUIET] = "",
    choice: Choice = NOTHING,
    session: Here,
) -> int:
    """Write pictures into one ZIP: those named, or all that a search finds.

    One picture at a time is in memory, however many there are.

    Args:
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin. Without any,
            the words and filters choose.
        to: The ZIP to write.
        force: Replace another file of that name.
        words: The words to look for.
        choice: Which pictures.
    """
    config = session.config
    target = Path(to).expanduser().absolute()
    if target.exists() and not force:
        raise InvalidRequest(
            "There is another file of that name.",
            field="to",
            given=target,
            allowed="a new name, or --force to replace it",
        )
    from engine.exporting import pack, with_names  # noqa: PLC0415 - engine is heavy

    chosen = identifiers(assets)
    filters = choice.filters(words)
    if not chosen and filters == Choice().filters():
        raise InvalidRequest(
            "Say which pictures.", field="assets", allowed="ids, or words and filters"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".part-")
    try:
        with opened_database(config) as database, os.fdopen(descriptor, "wb") as file:
            with database.read() as connection:
                session.require(connection, "look")
            found = (
                _named(database, session, chosen)
                if chosen
                else _searched(database, session, choice, words)
            )
            packed: list[str] = []
            number, size = pack(store_of(config), with_names(_noted(_some(found), packed)), file)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    with opened_database(config) as database:
        count_downloads(database, session.owner, packed)
    document = {"file": str(target), "assets": number, "bytes": size}
    facts = [("file", str(target)), ("pictures", f"{number:,}, {size:,} bytes")]
    session.out.result(document, lambda console: show_facts(console, facts))
    return Exit.DONE


def _named(database: Database, session: Session, chosen: list[str]) -> Iterator[Asset]:
    # All are looked up before the first is written.
    with database.read() as connection:
        found = [find_asset(connection, session.owner, each) for each in chosen]
    yield from found


def _searched(database: Database, session: Session, choice: Choice, words: str) -> Iterator[Asset]:
    after = ""
    while True:
        with database.read() as connection:
            page = find_page(
                connection, session.owner, choice.filters(words), limit=_PAGE, after=after
            )
        yield from (each.asset for each in page.found)
        after = page.following
        if not after:
            return


def _noted(found: Iterator[Asset], names: list[str]) -> Iterator[Asset]:
    """Yield assets, and put down which they were."""
    for each in found:
        names.append(each.id)
        yield each


def _some(found: Iterator[Asset]) -> Iterator[Asset]:
    """Refuse a choice that nothing fits."""
    first = next(found, None)
    if first is None:
        raise NotFound(
            "No picture fits.", field="words", given="", allowed="other words or filters"
        )
    yield first
    yield from found
