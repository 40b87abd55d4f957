"""``studio library``: what was told of pictures, and a person's word on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, table
from interfaces.cli.session import Here
from library.suggesting import Suggestions, accept, reject, suggestions, waiting

if TYPE_CHECKING:
    from rich.console import Console

_Text = Annotated[str, Parameter(show_default=False)]
_Tags = Annotated[list[str] | None, Parameter(name="--tag", negative=(), show_default=False)]


def suggestions_(asset: str = "", /, *, limit: int = 50, session: Here) -> int:
    """See which tags and captions are suggested for pictures, by whom, and how sure it was.

    Args:
        asset: Its id (ast_...); all with tags that wait for a word, if not given.
        limit: How many pictures at most, 1 to 500.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        names = [asset] if asset else waiting(connection, session.owner, limit=limit)
        found = [suggestions(connection, session.owner, name) for name in names]
    document = {"assets": [_document(each) for each in found]}
    session.out.result(document, lambda to: _show(to, found))
    return Exit.DONE


def auto_tag(provider: str = "", /, *, project: _Text = "", session: Here) -> int:
    """Have the pictures that arrive from now on tagged by themselves, or no more.

    Each passes the gate and costs what tagging costs there; `studio quote tag` tells it.

    Args:
        provider: local, another provider, auto for the cheapest, or off; says how it is, if not
            given.
        project: What it is for; its budget is kept to.
    """
    from engine.autotag import switch  # noqa: PLC0415 - engine and providers are heavy
    from interfaces.cli.opening import opened_studio  # noqa: PLC0415 - as above
    from library.wishes import wish_of  # noqa: PLC0415 - as above

    with opened_studio() as studio:
        with studio.database.read() as connection:
            session.require(connection, "manage" if provider else "look")
            found = wish_of(connection, session.owner)
        if provider:
            by = "" if provider == "off" else provider
            found = switch(studio, session.owner, by, session.user, project)
    on = found.auto_tag if found else ""
    document = {
        "owner": session.owner,
        "auto_tag": on or "off",
        "since": found.since.isoformat() if found and on else None,
    }
    session.out.result(
        document, lambda to: to.print(f"What arrives is tagged by: {on or 'nobody'}.")
    )
    return Exit.DONE


def accept_(asset: str, /, *, tags: _Tags = None, session: Here) -> int:
    """Say yes to suggested tags; without --tag to all that was told, the caption too.

    Args:
        asset: Its id (ast_...).
        tags: A tag; may be repeated.
    """
    return _answer(accept, asset, tags, session)


def reject_(asset: str, /, *, tags: _Tags = None, session: Here) -> int:
    """Say no to suggested tags; without --tag to all that was told. Nobody suggests them again.

    Args:
        asset: Its id (ast_...).
        tags: A tag; may be repeated.
    """
    return _answer(reject, asset, tags, session)


def _answer(
    act: Callable[..., list[str]], asset: str, tags: Sequence[str] | None, session: Here
) -> int:
    with opened_database(session.config) as database:
        with database.read() as connection:
            session.require(connection, "spend")
        done = database.write(
            lambda connection: act(
                connection, session.owner, asset, tags or (), author=session.user
            )
        )
    document = {"asset": asset, "tags": done}
    session.out.result(document, lambda to: to.print(plain(", ".join(done) or "No tags.")))
    return Exit.DONE


def _document(found: Suggestions) -> dict[str, Any]:
    return {
        "asset": found.asset,
        "looks": [dict(each) for each in found.looks],
        "tags": [asdict(each) for each in found.tags],
    }


def _show(to: Console, found: Sequence[Suggestions]) -> None:
    if not found:
        to.print(Text("Nothing waits for a word.", style="dim"))
    for each in found:
        to.print(Text(each.asset, style="bold"))
        for look in each.looks:
            to.print(plain(f"{look['source']}, {look['state']}: {look['caption']}"))
            if seen := _seen(look):
                to.print(Text(plain(seen), style="dim"))
        rows = table("tag", "sure", "by", right=("sure",))
        for tag in each.tags:
            sure = "-" if tag.confidence is None else f"{tag.confidence / 10:.0f}%"
            rows.add_row(plain(tag.tag), sure, plain(tag.source))
        if each.tags:
            to.print(rows)


def _seen(look: Mapping[str, Any]) -> str:
    """Return what else a source told: colours, faces, whether it is safe; nothing it left open."""
    parts = [", ".join(look["colours"])]
    if (faces := look["faces"]) is not None:
        parts.append("1 face" if faces == 1 else f"{faces or 'no'} faces")
    if (safe := look["safe_for_work"]) is not None:
        sure = look["safe_confidence"]
        words = "safe for work" if safe else "not safe for work"
        parts.append(words if sure is None else f"{words} ({sure / 10:.0f}% sure)")
    return "; ".join(filter(None, parts))
