"""How groups of commands look: one place, so that they all look the same."""

from __future__ import annotations

from typing import Any

from cyclopts import App

HELP: dict[str, Any] = {"help_format": "plaintext", "help_flags": ["--help", "-h"]}


def group(name: str, says: str) -> App:
    """Return a group of commands; its module adds them."""
    return App(name, says, help_epilogue="", **HELP)
