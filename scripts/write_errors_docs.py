"""Write docs/errors.md from the tree of errors and its tables; a test sees to it."""

from __future__ import annotations

from pathlib import Path

from interfaces.cli.exits import exit_for
from studio.statuses import STATUSES

PATH = Path(__file__).parent.parent / "docs" / "errors.md"

HEAD = """\
# Errors

Every refusal and failure has a `code`, which never changes, a status for doors that speak HTTP, and
an exit code of the command line. The status says what kind of thing went wrong, the code says what.
This page is written from `studio/errors.py`, `studio/statuses.py` and `interfaces/cli/exits.py`
(`python -m scripts.write_errors_docs`).

Pre-flight answers exactly one of: allowed, with a hold; `not_enough_credits`; `limit_reached`;
`budget_reached`; `not_in_plan`; `account_refused`, `account_suspended` or `account_ended`;
`price_unknown`; `invalid_request` and its kinds; and `studio_unavailable`, when the database does
not answer, which says nothing about credits or limits.

| code | status | exit | what it says |
|---|---|---|---|
"""


def text() -> str:
    """Return the document."""
    lines = []
    for kind, status in STATUSES.items():
        says = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
        says = says.replace("``", "`")
        # Not the status's phrase: Python has changed the words of 422.
        lines.append(f"| `{kind.code}` | {status.value} | {exit_for(kind).value} | {says} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
