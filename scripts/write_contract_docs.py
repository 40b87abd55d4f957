"""Write docs/contracts.md: what of each provider's contract is tried against its emulator.

A test sees to it that this was done, and that no offer is left out.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import tests.contract
from providers.catalogue import PACKAGES
from tests.contract.cases import Case, Kind

PATH = Path(__file__).parent.parent / "docs" / "contracts.md"

HEAD = """\
# Contracts with providers

Each cloud provider has an emulator in `tests/contract/emulators/`: an HTTP server that refuses what
the real service refuses and keeps a ledger of what it would bill. The contract suite tries every
offer against it. No call was ever made to a real service from here: what they do is read from their
specifications, clients and documents; where those leave something open, the adapters take both
readings and the offers say so.

This page is written from the suite (`python -m scripts.write_contract_docs`). `studio emulators`
starts all four by hand.
"""

_KINDS: tuple[Kind, ...] = ("success", "error", "blocked", "network")


def all_cases() -> list[Case]:
    """Return every case of the contract suite, each once."""
    found: dict[int, Case] = {}
    for module in pkgutil.iter_modules(tests.contract.__path__, "tests.contract."):
        for case in getattr(importlib.import_module(module.name), "CASES", ()):
            found[id(case)] = case
    return list(found.values())


def text() -> str:
    """Return the document."""
    cases = all_cases()
    parts = [HEAD]
    for name in PACKAGES:
        own = [case for case in cases if case.offer.startswith(f"{name}/")]
        if own:
            parts.append(_provider(name, own))
    return "".join(parts)


def _provider(name: str, cases: list[Case]) -> str:
    lines = [
        f"\n## {name}\n",
        "| operation | offers tried | success | errors | blocked | network |",
        "|---|---|---|---|---|---|",
    ]
    for operation in sorted({case.operation for case in cases}):
        some = [case for case in cases if case.operation == operation]
        kinds = Counter(case.kind for case in some)
        counts = " | ".join(str(kinds[kind]) for kind in _KINDS)
        lines.append(f"| `{operation}` | {len({case.offer for case in some})} | {counts} |")
    for kind, title in (
        ("error", "Errors"),
        ("blocked", "Blocked or empty"),
        ("network", "Network"),
    ):
        lines += ["", f"{title}: {_names(case for case in cases if case.kind == kind)}."]
    return "\n".join(lines) + "\n"


def _names(cases: Iterable[Case]) -> str:
    return "; ".join(sorted({case.name.replace("|", "/") for case in cases})) or "none"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
