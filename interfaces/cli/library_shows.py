"""``studio library shows``: pictures by what they show, in one's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.library import asset_document
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, table
from interfaces.cli.session import Here

if TYPE_CHECKING:
    from rich.console import Console


def _none() -> Text:
    tell = "`studio run tag` and `studio library auto-tag` tell of pictures."
    return Text(f"Nothing near was told of a picture. {tell}", style="dim")


def shows(words: str, /, *, limit: int = 20, session: Here) -> int:
    """Find pictures that show about what you say, though no prompt, title or tag has the words.

    What was told of them by `tag` or `library auto-tag` is compared with it in meaning, on this
    machine; it needs the extra `search`.

    Args:
        words: What they show, in English, such as "a puppy in the snow"; up to 200 characters.
        limit: How many, 1 to 500.
    """
    from engine.showing import show_what  # noqa: PLC0415 - engine is heavy

    with opened_database(session.config) as database:
        with database.read() as connection:
            session.require(connection, "look")
        found = show_what(database, session.owner, words, limit=limit)

    def show(to: Console) -> None:
        rows = table("asset", "name", "score", "by", right=("score",))
        for each in found:
            asset = each.found.asset
            by = plain(", ".join(each.tags[:3]))
            rows.add_row(asset.id, plain(asset.name), f"{each.score / 1_000:.2f}", by)
        to.print(rows if found else _none())

    document = [
        {"score": each.score, "by": list(each.tags), **asset_document(each.found.asset)}
        for each in found
    ]
    session.out.result({"shown": document}, show)
    return Exit.DONE
