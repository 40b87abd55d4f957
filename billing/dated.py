"""Dated books: TOML files in one folder, each with a version and the day from which it holds.

Prices and plans are kept so: what was agreed by an older book can be looked up as long as its file
is there, and a book of a day to come may lie there already.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from studio.errors import SetupIncomplete


class Dated(BaseModel):
    """A book of one day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[str, StringConstraints(pattern=r"^[0-9a-z][0-9a-z.-]*$", max_length=40)]
    date: dt.date


Book = TypeVar("Book", bound=Dated)


def read_one(kind: type[Book], path: Path, what: str) -> Book:
    """Read one book.

    Args:
        kind: what it must be.
        path: its file.
        what: what people call it, such as "price book".

    Raises:
        SetupIncomplete: the file is missing or no such book; every fault is named.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise SetupIncomplete(f"The {what} {path} cannot be used: {faults}.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupIncomplete(f"The {what} {path} cannot be read: {error}.") from error


def read_all(kind: type[Book], folder: Path, what: str) -> list[Book]:
    """Read every book of a folder, by the names of their files.

    Raises:
        SetupIncomplete: one of them is faulty, or two have one version.
    """
    found: dict[str, Path] = {}
    books = []
    for path in sorted(folder.glob("*.toml")):
        book = read_one(kind, path, what)
        if book.version in found:
            raise SetupIncomplete(
                f"Two files are the {what} {book.version}: {found[book.version]} and {path}."
            )
        found[book.version] = path
        books.append(book)
    return books


def in_order(books: Iterable[Book]) -> list[Book]:
    """Return books with the oldest first."""
    return sorted(books, key=lambda book: (book.date, book.version))
