"""``studio library``: pictures, where they come from, and as files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from engine.references import store_of
from interfaces.cli.exits import Exit
from interfaces.cli.files import count_downloads, write_file
from interfaces.cli.groups import HELP, group
from interfaces.cli.opening import opened_database
from interfaces.cli.output import Fact, amount, in_credits, plain, show_facts
from interfaces.cli.session import Here
from library import Asset, Card, find_asset, find_card

app = group("library", "Look through pictures.")

for _name, _place, _says in (
    ("list", "lists:list_", "List pictures, the newest first."),
    ("search", "lists:search", "Search pictures by words; the best matches come first."),
    ("counts", "lists:counts", "Show how many pictures there are, also of each kind or tag."),
    ("favourite", "order:favourite", "Make pictures favourites."),
    ("unfavourite", "order:unfavourite", "Make pictures favourites no more."),
    ("rate", "order:rate", "Rate pictures 1 to 5."),
    ("tag", "order:tag", "Tag pictures."),
    ("untag", "order:untag", "Take a tag away from pictures."),
    ("title", "order:title", "Give a picture a title."),
    ("note", "order:note", "Note something about a picture."),
    ("trash", "order:trash", "Put pictures into the trash."),
    ("restore", "order:restore", "Bring pictures back from the trash."),
    ("undo", "order:undo", "Take back what was done to pictures."),
    ("shows", "shows:shows", "Find pictures that show what you say in your own words."),
    ("similar", "tidy:similar", "Find pictures that look like one."),
    ("duplicates", "tidy:duplicates", "Find assets whose files are the same."),
    ("check", "tidy:check", "Check that files, cards, words and counts agree."),
    ("empty-trash", "trash:empty_trash", "Take what is in the trash out of the library for good."),
    ("download", "tidy:download", "Write pictures into one ZIP."),
    ("import", "import:import_", "Bring files into the library."),
    ("lineage", "versions:lineage_", "Show what a picture was made from, and what from it."),
    ("versions", "versions:versions_", "Show the versions of a picture, and which of them counts."),
    ("current", "versions:current", "Make a version the one that counts; restores an earlier one."),
    ("stats", "stats:stats", "See how often pictures were looked at, downloaded and shared."),
    ("suggestions", "suggestions:suggestions_", "See what was told of pictures: tags, captions."),
    ("auto-tag", "suggestions:auto_tag", "Have what arrives tagged by itself, or no more."),
    ("accept", "suggestions:accept_", "Say yes to suggested tags, or to all that was told."),
    ("reject", "suggestions:reject_", "Say no to suggested tags, or to all that was told."),
    ("verify", "verify:verify_", "Check a file's bytes and its Content Credentials (C2PA)."),
    ("compare", "versions:compare", "Show in what two versions differ, side by side as well."),
    ("again", "versions:again", "Run again what made a picture: the same request, or changed."),
):
    # By import path: what one of them needs is loaded when it is asked for.
    app.command(f"interfaces.cli.library_{_place}", name=_name, help=_says, **HELP)
for _name in ("collection", "saved"):
    app.command(f"interfaces.cli.library_collections:{_name}", name=_name)
app.command("interfaces.cli.library_boards:board", name="board")


@app.command
def show(asset: str, /, *, session: Here) -> int:
    """Show where a picture comes from.

    Args:
        asset: Its id (ast_...).
    """
    from engine.asset_origin import origin_of  # noqa: PLC0415 - batches are heavy

    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = find_card(connection, session.owner, asset)
        origin = origin_of(connection, found.asset)
    document = {**asset_document(found.asset), **card_document(found.card), **asdict(origin)}
    batch = f"{origin.batch}, row {origin.row}" if origin.batch else ""
    work = [("job", origin.job), ("batch", batch)]
    facts = [*_about(found.card), *_story(found.asset), *(each for each in work if each[1])]
    session.out.result(document, lambda to: show_facts(to, facts))
    return Exit.DONE


@app.command
def export(
    asset: str,
    /,
    *,
    to: Annotated[str, Parameter(show_default=False)] = "",
    force: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    session: Here,
) -> int:
    """Write a picture to a file.

    Args:
        asset: Its id (ast_...).
        to: A file or a folder; this folder, if not given.
        force: Replace another file of that name.
    """
    config = session.config
    with opened_database(config) as database:
        with database.read() as connection:
            session.require(connection, "look")
            found = find_asset(connection, session.owner, asset)
        data = store_of(config).get(found.sha256)
        file = write_file(_target(found, to), data, force=force)
        count_downloads(database, session.owner, [found.id])
    session.out.result(
        {"asset": found.id, "file": str(file), "bytes": len(data), "sha256": found.sha256},
        lambda console: console.print(plain(file)),
    )
    return Exit.DONE


def _target(asset: Asset, to: str) -> Path:
    """Return the file to write to."""
    target = Path(to).expanduser() if to else Path()
    return target / asset.name if not to or target.is_dir() or to.endswith("/") else target


def asset_document(asset: Asset) -> dict[str, Any]:
    """Return an asset as JSON values."""
    return {
        "asset": asset.id,
        "name": asset.name,
        "media_type": asset.media_type,
        "bytes": asset.bytes,
        "width": asset.width,
        "height": asset.height,
        "sha256": asset.sha256,
        "operation": asset.operation,
        "request": dict(asset.request),
        "provider": asset.provider,
        "model": asset.model,
        "method": asset.method,
        "reason": asset.reason,
        "seed": asset.seed,
        **amount("spent", asset.credits),
        "facts": dict(asset.facts),
        "parents": [{"field": each.field, "asset": each.asset} for each in asset.parents],
        "run": asset.run,
        "created_at": asset.created_at.isoformat(),
    }


def card_document(card: Card) -> dict[str, Any]:
    """Return what is said about an asset as JSON values."""
    since, gone = card.favourite_at, card.deleted_at
    return {
        "title": card.title,
        "notes": card.notes,
        "rating": card.rating,
        "favourite_at": since.isoformat() if since else None,
        "deleted_at": gone.isoformat() if gone else None,
        "status": card.status,
        "tags": list(card.tags),
        "colours": list(card.colours),
    }


def _about(card: Card) -> list[Fact]:
    gone = f"since {card.deleted_at:%Y-%m-%d %H:%M} UTC" if card.deleted_at else ""
    pairs = [
        ("title", card.title),
        ("in the trash", gone),
        ("favourite", "yes" if card.favourite_at else ""),
        ("rating", f"{card.rating} of 5" if card.rating else ""),
        ("tags", ", ".join(card.tags)),
        ("notes", card.notes),
        ("colours", ", ".join(card.colours)),
    ]
    return [(name, value) for name, value in pairs if value]


def _pixels(asset: Asset) -> str:
    return f"{asset.width} x {asset.height}, " if asset.width else ""


def _length(asset: Asset) -> str:
    seconds = asset.facts.get("seconds")
    return f"{seconds:g} seconds" if isinstance(seconds, int | float) and seconds else ""


def _story(asset: Asset) -> list[Fact]:
    pairs = [
        ("asset", asset.id),
        ("name", asset.name),
        ("file", f"{_pixels(asset)}{asset.media_type}, {asset.bytes:,} bytes"),
        ("duration", _length(asset)),
        ("made by", " ".join(filter(None, (asset.operation, asset.provider, asset.model)))),
        ("colour profile", str(asset.facts.get("colour_profile") or "")),
        ("method", asset.method),
        ("chosen", asset.reason),
        ("seed", "" if asset.seed is None else str(asset.seed)),
        ("credits", in_credits(asset.credits)),
        ("made from", ", ".join(f"{each.field}: {each.asset}" for each in asset.parents)),
        ("run", asset.run),
        ("when", f"{asset.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("sha256", asset.sha256),
    ]
    requested = [
        (name, str(value))
        for name, value in asset.request.items()
        if name != "operation" and value not in ("", "auto")
    ]
    return [(name, value) for name, value in [*pairs, *requested] if value]
