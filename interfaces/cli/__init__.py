"""The command line ``studio``.

Nothing heavy is imported here: a command's module is loaded when that command is asked for, and
Prefect only when a flow runs. ``studio --help`` takes less than half of ``import prefect``; a test
compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(tokens: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (see ``interfaces.cli.exits``).

    Args:
        tokens: the words after ``studio``; those of this process, if ``None``.
    """
    from interfaces.cli.app import launch  # noqa: PLC0415 - keeps `import interfaces.cli` light

    return launch(sys.argv[1:] if tokens is None else list(tokens))
