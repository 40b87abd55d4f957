"""``studio library``: pictures, where they come from, and as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.days import moment
from interfaces.cli.exits import Exit
from interfaces.cli.files import write_file
from interfaces.cli.groups import HELP, group
from interfaces.cli.opening import opened_database
from interfaces.cli.output import Fact, amount, in_credits, plain, show_facts, table
from interfaces.cli.session import Here
from library import Asset, Filters, find_asset, list_assets, measure
from studio import credits as money
from studio.storage import BlobStore

if TYPE_CHECKING:
    from rich.console import Console

app = group("library", "Look through pictures.")

for _name, _place, _says in (
    ("lineage", "versions:lineage_", "Show what a picture was made from, and what from it."),
    ("versions", "versions:versions_", "Show the versions of a picture, and which of them counts."),
    ("current", "versions:current", "Make a version the one that counts; restores an earlier one."),
    ("compare", "versions:compare", "Show in what two versions differ, side by side as well."),
    ("again", "versions:again", "Run again what made a picture: the same request, or changed."),
):
    # By import path: what one of them needs is loaded when it is asked for.
    app.command(f"interfaces.cli.library_{_place}", name=_name, help=_says, **HELP)


@app.command(name="list")
def list_(
    *,
    limit: int = 50,
    before: Annotated[str, Parameter(show_default=False)] = "",
    kind: Annotated[str, Parameter(show_default=False)] = "",
    operation: Annotated[str, Parameter(show_default=False)] = "",
    provider: Annotated[str, Parameter(show_default=False)] = "",
    model: Annotated[str, Parameter(show_default=False)] = "",
    since: Annotated[str, Parameter(show_default=False)] = "",
    until: Annotated[str, Parameter(show_default=False)] = "",
    session: Here,
) -> int:
    """List pictures, the newest first.

    Args:
        limit: How many, 1 to 500.
        before: Go on behind this asset: the last one of the page before.
        kind: Only these: image, video, audio, text or model.
        operation: Only what this made, such as generate; import for what was brought in.
        provider: Only what this provider made.
        model: Only what this model made, by its whole name.
        since: Only what was filed at this moment or later, such as 2026-12-31; a time is in UTC
            unless it bears its offset.
        until: Only what was filed up to the end of this day, or before this moment.
    """
    filters = Filters(
        kind=kind,
        operation=operation,
        provider=provider,
        model=model,
        since=moment("since", since),
        until=moment("until", until, end=True),
    )
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = list_assets(connection, session.owner, limit=limit, before=before, filters=filters)
    following = found[-1].id if len(found) == limit else None
    session.out.result(
        {"assets": [asset_document(asset) for asset in found], "next_before": following},
        lambda to: _show_list(to, found, following, filtered=filters != Filters()),
    )
    return Exit.DONE


@app.command
def show(asset: str, /, *, session: Here) -> int:
    """Show where a picture comes from.

    Args:
        asset: Its id (ast_...).
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = find_asset(connection, session.owner, asset)
    session.out.result(asset_document(found), lambda to: show_facts(to, _story(found)))
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
    with opened_database(config) as database, database.read() as connection:
        session.require(connection, "look")
        found = find_asset(connection, session.owner, asset)
    target = Path(to).expanduser() if to else Path()
    if not to or target.is_dir() or to.endswith("/"):
        target /= found.name
    data = BlobStore(config.storage).get(found.sha256)
    file = write_file(target, data, force=force)
    session.out.result(
        {"asset": found.id, "file": str(file), "bytes": len(data), "sha256": found.sha256},
        lambda console: console.print(plain(file)),
    )
    return Exit.DONE


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


def _show_list(to: Console, found: list[Asset], following: str | None, *, filtered: bool) -> None:
    rows = table("asset", "name", "size", "credits", right=("size", "credits"))
    rows.columns[0].no_wrap = True
    for asset in found:
        size = measure(asset.width, asset.height, asset.bytes)
        rows.add_row(asset.id, plain(asset.name), size, money.show(asset.credits))
    to.print(rows if found else Text("Nothing yet.", style="dim"))
    if following:
        same = " and the same filters" if filtered else ""
        to.print(Text(f"More: studio library list --before {following}{same}", style="dim"))


def _pixels(asset: Asset) -> str:
    return f"{asset.width} x {asset.height}, " if asset.width else ""


def _story(asset: Asset) -> list[Fact]:
    pairs = [
        ("asset", asset.id),
        ("name", asset.name),
        ("file", f"{_pixels(asset)}{asset.media_type}, {asset.bytes:,} bytes"),
        ("made by", " ".join(filter(None, (asset.operation, asset.provider, asset.model)))),
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
