"""``studio library``: lineage, versions, and running again what made an asset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.files import write_file
from interfaces.cli.library import asset_document
from interfaces.cli.opening import opened_database
from interfaces.cli.output import amount, plain, show_facts, table
from interfaces.cli.session import Here
from library import (
    Asset,
    Lineage,
    Related,
    Version,
    Versions,
    differences,
    find_asset,
    lineage,
    make_current,
    measure,
    versions,
)
from studio import credits as money
from studio.errors import InvalidRequest
from studio.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_VALUE = 60
_Set = Annotated[list[str] | None, Parameter(name="--set", negative=(), show_default=False)]
_Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
_Text = Annotated[str, Parameter(show_default=False)]


def lineage_(asset: str, /, *, depth: int = 20, limit: int = 500, session: Here) -> int:
    """Show all that a picture was made from, and all that was made from it.

    Args:
        asset: Its id (ast_...).
        depth: Steps in each direction, 1 to 100.
        limit: Assets in all, 1 to 2,000.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = lineage(connection, session.owner, asset, steps=depth, most=limit)
    document = {
        "asset": found.asset,
        "related": [_related_document(each) for each in found.related],
        "edges": [asdict(each) for each in found.edges],
        "cut": found.cut,
    }
    session.out.result(document, lambda to: _show_lineage(to, found))
    return Exit.DONE


def versions_(asset: str, /, *, limit: int = 200, session: Here) -> int:
    """Show the versions of a picture, and which of them counts.

    Args:
        asset: The id of any of them (ast_...).
        limit: How many at most, 1 to 1,000.
    """
    if not 1 <= limit <= 1_000:  # noqa: PLR2004 - as the help says
        raise InvalidRequest(
            "That is beyond the limit.", field="limit", given=limit, allowed="1 to 1,000"
        )
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = versions(connection, session.owner, asset, most=limit)
    document = {
        "root": found.root,
        "current": found.current.asset.id,
        "chosen": found.chosen,
        "versions": [
            {
                "number": each.number,
                "before": each.before or None,
                "current": each.current,
                "deleted_at": each.deleted_at.isoformat() if each.deleted_at else None,
                **asset_document(each.asset),
            }
            for each in found.versions
        ],
        "cut": found.cut,
    }
    session.out.result(document, lambda to: _show_versions(to, found))
    return Exit.DONE


def current(asset: str, /, *, session: Here) -> int:
    """Make a version the one that counts; so an earlier one is restored.

    Args:
        asset: Its id (ast_...).
    """
    with opened_database(session.config) as database:
        with database.read() as connection:
            session.require(connection, "spend")
        root, moment = database.write(
            lambda connection: make_current(connection, session.owner, asset, session.user)
        )
    document = {"asset": asset, "root": root, "chosen_at": moment.isoformat()}
    session.out.result(document, lambda to: to.print(f"{asset} is the current version of {root}."))
    return Exit.DONE


def compare(one: str, other: str, /, *, to: _Text = "", force: _Flag = False, session: Here) -> int:
    """Show in what two versions differ, and both side by side as a picture.

    Args:
        one: The id of one of them (ast_...).
        other: The id of the other (ast_...).
        to: The file for the picture (PNG); none is written, if not given.
        force: Replace another file of that name.
    """
    config = session.config
    with opened_database(config) as database, database.read() as connection:
        session.require(connection, "look")
        first, second = (find_asset(connection, session.owner, each) for each in (one, other))
    found = differences(first, second)
    file = _side_by_side(config, first, second, Path(to), force=force) if to else None
    document = {
        "one": one,
        "other": other,
        "same_bytes": first.sha256 == second.sha256,
        "differences": [asdict(each) for each in found],
        "file": str(file) if file else None,
    }

    def show(console: Console) -> None:
        rows = table("field", "one", "other")
        for each in found:
            rows.add_row(each.field, _short(each.one), _short(each.other))
        same = "The same bytes." if first.sha256 == second.sha256 else "Made alike."
        console.print(rows if found else Text(same, style="dim"))
        if file:
            show_facts(console, [("picture", str(file))])

    session.out.result(document, show)
    return Exit.DONE


def again(
    asset: str,
    /,
    *,
    changes: _Set = None,
    new_seed: _Flag = False,
    check: _Flag = False,
    to: _Text = "",
    quote: _Text = "",
    project: _Text = "",
    max_credits: _Text = "",
    session: Here,
) -> int:
    """Run again what made a picture: the same request, or with changes.

    It is new work, quoted at the prices of today and bought again. With the same seed a model
    makes the same picture; --new-seed makes another one.

    Args:
        asset: Its id (ast_...).
        changes: A change as field=value, such as --set prompt="a fox in snow"; may be repeated.
        new_seed: Let the studio choose another seed.
        check: Say what it would cost; buy nothing.
        to: Folder for the files; a folder of the run in the studio's home, if not given.
        quote: A signed quote of this very request, or @ and the file that it is in.
        project: What it is for; its budget is kept to.
        max_credits: Credits that it may come to, such as 12.5; above it nothing is bought.
    """
    from engine.again import again as run_again  # noqa: PLC0415 - engine and providers are heavy
    from engine.again import read_changes  # noqa: PLC0415 - as above
    from interfaces.cli.files import read_token  # noqa: PLC0415 - as above
    from interfaces.cli.opening import opened_studio  # noqa: PLC0415 - as above
    from interfaces.cli.operations import show_made  # noqa: PLC0415 - as above
    from interfaces.cli.orders import carry_out  # noqa: PLC0415 - as above

    wanted = read_changes(changes or [])
    with opened_studio() as studio:
        with studio.database.read() as connection:
            session.require(connection, "look")
        found = run_again(studio, session.owner, asset, wanted, new_seed=new_seed)
    if check:
        from interfaces.cli.operations import quote_only  # noqa: PLC0415 - as above

        return quote_only(session, found.operation)
    purse = {"quote": read_token(quote), "project": project, "max_credits": max_credits}
    made = carry_out(session, found.operation, to, purse | found.parameters())
    document = {"again": asset, "changed": dict(found.changed), **made.as_dict()}
    session.out.result(document, lambda console: show_made(console, made))
    return Exit.DONE


def _side_by_side(config: Settings, one: Asset, other: Asset, file: Path, *, force: bool) -> Path:
    from engine.comparison import side_by_side  # noqa: PLC0415 - Pillow is heavy
    from engine.references import store_of  # noqa: PLC0415 - as above
    from studio import imaging  # noqa: PLC0415 - as above

    names = (one.id[-6:], other.id[-6:])
    image = side_by_side(store_of(config), one, other, names=names, cell=1_024)
    return write_file(file, imaging.encode(image, "png"), force=force)


def _related_document(each: Related) -> dict[str, Any]:
    values = asdict(each) | {"created_at": each.created_at.isoformat()}
    return values | amount("spent", values.pop("credits"))


def _short(value: object) -> str:
    text = "-" if value is None else plain(value).replace("\n", " ")
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _show_lineage(to: Console, found: Lineage) -> None:
    rows = table("asset", "steps", "made by", "size", "credits", right=("steps", "size", "credits"))
    rows.columns[0].no_wrap = True
    for each in sorted(found.related, key=lambda it: (it.steps, it.id)):
        size = measure(each.width, each.height, each.bytes)
        mark = "bold" if each.id == found.asset else ""
        rows.add_row(
            each.id, f"{each.steps:+d}", _maker(each), size, money.show(each.credits), style=mark
        )
    to.print(rows)
    for edge in found.edges:
        to.print(Text(f"{edge.parent} -> {edge.asset} ({plain(edge.field)})", style="dim"))
    if found.cut:
        to.print(Text("There is more: --depth and --limit say how much is shown.", style="dim"))


def _maker(each: Related) -> str:
    return plain(" ".join(filter(None, (each.operation, each.provider, each.model))))


def _show_versions(to: Console, found: Versions) -> None:
    rows = table("version", "asset", "made by", "size", "credits", "", right=("size", "credits"))
    rows.columns[1].no_wrap = True
    for each, depth in _as_tree(found):
        asset = each.asset
        made = " ".join(filter(None, (asset.operation, asset.provider, asset.model)))
        size = measure(asset.width, asset.height, asset.bytes)
        place = f"{'  ' * min(depth, 10)}v{each.number}{' *' if each.current else ''}"
        trashed = "in the trash" if each.deleted_at else ""
        rows.add_row(place, asset.id, plain(made), size, money.show(asset.credits), trashed)
    to.print(rows)
    to.print(Text(_about_current(found), style="dim"))


def _about_current(found: Versions) -> str:
    one = "*" if found.current in found.versions else found.current.asset.id
    words = [
        f"{one} is the current version."
        if found.chosen
        else f"{one} is current, as the newest one."
    ]
    if found.current.deleted_at:
        words.append("All are in the trash.")
    elif not found.chosen and any(each.deleted_at for each in found.versions):
        words = [f"{one} is current, as the newest one that is not in the trash."]
    return " ".join([*words, "There are more."] if found.cut else words)


def _as_tree(found: Versions) -> Iterator[tuple[Version, int]]:
    """Yield each version below the one that it was made from, with its depth."""
    below: dict[str, list[Version]] = {}
    for each in found.versions:
        below.setdefault(each.before, []).append(each)
    waiting = [(each, 0) for each in below.get("", [])]
    while waiting:
        each, depth = waiting.pop()
        yield each, depth
        waiting += [(it, depth + 1) for it in reversed(below.get(each.asset.id, []))]
