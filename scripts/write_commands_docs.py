"""Write docs/commands.md from the tree of commands; a test sees to it that this was done."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cyclopts.docs.markdown import generate_markdown_docs

from interfaces.cli import exits
from interfaces.cli.app import app

PATH = Path(__file__).parent.parent / "docs" / "commands.md"

HEAD = """\
# Commands

Every command of `studio`, as `--help` tells it. This page is written from the commands
(`python -m scripts.write_docs`). `--owner`, `--user` and `--json` may be given to each of them.

`studio run OPERATION` and `studio quote OPERATION` have an option for each field of the operation,
with a hyphen for each underscore: [operations.md](operations.md) has them. Beside these, each
takes `--to`, `--quote`, `--project` and `--max-credits` (`run`) or `--save` (`quote`).

"""
_BY_OPERATION = frozenset({"run", "quote"})
_EVERYWHERE = re.compile(r"^\* `--(?:owner|user|json)`: .+\n(?:    .+\n)*", re.MULTILINE)
_NOTHING_LEFT = re.compile(r"\*\*Everywhere\*\*:\n\n(?!\*)")
_BLANK = re.compile(r"\n{3,}")
_EXIT = re.compile(r"^(\d+) +(.+)$", re.MULTILINE)


def text() -> str:
    """Return the document."""
    # A description is folded by the width of the terminal, which is nobody's here.
    os.environ["COLUMNS"] = "100"
    written = generate_markdown_docs(
        app,
        heading_level=2,
        max_heading_level=4,
        generate_toc=False,
        no_root_title=True,
        skip_preamble=True,
        commands_filter=[name for name in app if name not in _BY_OPERATION],
    )
    written = _NOTHING_LEFT.sub("", _EVERYWHERE.sub("", written + "\n"))
    written = written.replace("**Everywhere**:", "**Parameters**:")
    # Where nothing is left of a group: whether it was there depends on what was asked for before.
    written = _BLANK.sub("\n\n", written)
    return HEAD + _exits() + written.strip() + "\n"


def _exits() -> str:
    told = _EXIT.findall(exits.__doc__ or "")
    rows = "".join(f"| {code} | {words} |\n" for code, words in told)
    return f"| exit code | meaning |\n|---|---|\n{rows}\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
