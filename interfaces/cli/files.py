"""Writing files where people asked for them, and reading tokens that were kept in one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from interfaces.cli.exits import Exit
from interfaces.cli.session import Session
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from studio.database import Database

_AT_ONCE = 1_000
"""Downloads that are counted in one transaction."""


def write_file(path: Path, data: bytes, *, force: bool = False) -> Path:
    """Write a file as a whole and return its absolute path; the same bytes may be there already.

    Raises:
        InvalidRequest: another file has that name, and ``force`` does not say to replace it.
    """
    path = path.expanduser().absolute()
    if path.is_file() and not force:
        if path.read_bytes() == data:
            return path
        raise InvalidRequest(
            "There is another file of that name.",
            field="to",
            given=path,
            allowed="a new name, or --force to replace it",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
    return path


def count_downloads(database: Database, owner: str, assets: Sequence[str]) -> None:
    """Count assets as downloaded; asked once their file is whole and bears its name."""
    from library import Use, count_uses  # noqa: PLC0415 - SQLAlchemy is heavy

    for start in range(0, len(assets), _AT_ONCE):
        uses = [Use(owner, each, "download") for each in assets[start : start + _AT_ONCE]]
        database.write(partial(count_uses, uses=uses))


def read_token(given: str) -> str:
    """Return the quote's token that was typed, or that is in the file behind an @.

    Raises:
        InvalidRequest: there is no such file, or it cannot be read.
    """
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidRequest(
            "The quote cannot be read.",
            field="quote",
            given=given,
            allowed="a token, or @ and the file that `--save` of the quote wrote",
        ) from None


def check_ending(path: Path, allowed: Sequence[str]) -> str:
    """Return the ending of a name, in lower case.

    Raises:
        InvalidRequest: it is none of those that are allowed.
    """
    ending = path.suffix.lower()
    if ending not in allowed:
        raise InvalidRequest(
            "The ending of the name says what the file is.",
            field="to",
            given=path,
            allowed="a name that ends with " + ", ".join(allowed),
        )
    return ending


def tell_written(session: Session, path: Path) -> int:
    """Say which file a command has written."""
    session.out.result({"file": str(path)}, lambda to: to.print(str(path)))
    return Exit.DONE
