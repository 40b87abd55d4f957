"""``studio library empty-trash``: deletes for good, and asks before it does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import counted
from interfaces.cli.session import Here
from library.trash import in_trash
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from engine.studio import Studio
    from interfaces.cli.session import Session

_EMPTY = "The trash is empty."
_DECLINED = "Nothing was done."


def empty_trash(
    *, yes: Annotated[bool, Parameter(negative=(), show_default=False)] = False, session: Here
) -> int:
    """Take what is in the trash out of the library for good; nothing brings it back.

    What something else was made from stays as long as that does.

    Args:
        yes: Do not ask first; needed where nobody sits at a terminal.
    """
    with opened_studio() as studio:
        with studio.database.read() as connection:
            session.require(connection, "manage")
            there, size = in_trash(connection, session.owner)
        if not there:
            return _told(session, (0, 0, 0), there, _EMPTY)
        if not (yes or _agreed(session, there, size)):
            _told(session, (0, 0, 0), there, _DECLINED)
            return Exit.FAILED
        gone = _emptied(studio, session.owner)
        with studio.database.read() as connection:
            left, _ = in_trash(connection, session.owner)
    return _told(session, gone, left, _words(gone, left))


def _agreed(session: Session, assets: int, size: int) -> bool:
    """Ask somebody at a terminal; anything but a yes is a no.

    Raises:
        InvalidRequest: there is nobody to ask.
    """
    what = f"{counted(assets, 'asset')}, {size:,} bytes"
    if not sys.stdin.isatty():
        raise InvalidRequest(
            f"What is in the trash would be gone for good: {what}.",
            field="yes",
            given="nothing, and no terminal to ask at",
            allowed="--yes",
        )
    session.out.errors.print(
        Text(f"Gone for good: {what}. Nothing brings them back. Empty the trash? [y/N] "), end=""
    )
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _emptied(studio: Studio, owner: str) -> tuple[int, int, int]:
    """Empty a trash of any size; return assets, the bytes they had, and files set aside."""
    from engine.tidying import empty_trash_of  # noqa: PLC0415 - engine is heavy

    assets = freed = files = 0
    while (gone := empty_trash_of(studio, owner)).assets:
        assets, freed, files = assets + gone.assets, freed + gone.freed, files + gone.files
    return assets, freed, files + gone.files


def _words(gone: tuple[int, int, int], left: int) -> str:
    assets, freed, _ = gone
    words = f"Gone for good: {counted(assets, 'asset')}, {freed:,} bytes."
    if left:
        stays = "stays" if left == 1 else "stay"
        words += f" {counted(left, 'asset')} {stays}: something was made from "
        words += "it." if left == 1 else "them."
    return words


def _told(session: Session, gone: tuple[int, int, int], left: int, words: str) -> int:
    assets, freed, files = gone
    document = {"assets": assets, "freed": freed, "files": files, "left": left}
    session.out.result(document, lambda to: to.print(Text(words)))
    return Exit.DONE
