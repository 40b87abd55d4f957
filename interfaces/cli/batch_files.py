"""Files that ``studio batch`` writes besides the results: templates."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from batches.templates import TemplateFormat, template
from interfaces.cli.exits import Exit
from interfaces.cli.files import write_file
from interfaces.cli.session import Session
from studio.errors import InvalidRequest

_FORMATS = ("csv", "jsonl", "xlsx")


def write_template(
    session: Session, operation: str, to: Path | None, format_: TemplateFormat
) -> int:
    """Write a template into a file, or print it."""
    if to is None:
        if format_ == "xlsx":
            raise InvalidRequest(
                "A workbook cannot be printed.", field="to", allowed="--to and a name"
            )
        text = template(operation, format_).decode("utf-8-sig")
        session.out.result({"template": text}, lambda _: session.out.raw(text))
        return Exit.DONE
    ending = to.suffix.lower().lstrip(".")
    if ending not in _FORMATS:
        raise InvalidRequest(
            "The ending of the name says what format the template has.",
            field="to",
            given=to,
            allowed="a name that ends with " + ", ".join(f".{each}" for each in _FORMATS),
        )
    path = write_file(to, template(operation, cast("TemplateFormat", ending)))
    session.out.result({"file": str(path)}, lambda to_: to_.print(str(path)))
    return Exit.DONE
