"""Write docs/providers.md from the offers and the settings; a test sees to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from providers.catalogue import PACKAGES, all_offers
from providers.local.extras import EXTRAS
from providers.offers import Offer
from studio.operations import OPERATIONS
from studio.settings import Settings

PATH = Path(__file__).parent.parent / "docs" / "providers.md"

HEAD = """\
# Providers

Who does the work, with which models, and what has to be set for it. `studio providers` tells who is
ready here. Prices are in [operations.md](operations.md), what is tried against each provider's
emulator is in [contracts.md](contracts.md). This page is written from the offers and the settings
(`python -m scripts.write_docs`).

Which one does an operation is decided when it is quoted: `auto` takes the cheapest ready offer that
serves the quality, a substitute only where nothing else is ready. A provider without a key is never
asked, and an offer without a price is never bought.
"""


def text() -> str:
    """Return the document."""
    offers = all_offers()
    return HEAD + "".join(
        _provider(name, [each for each in offers if each.provider == name]) for name in PACKAGES
    )


def _provider(name: str, offers: Sequence[Offer]) -> str:
    lines = [f"\n## {name}\n", "| setting | meaning |", "|---|---|"]
    lines += [
        f"| `STUDIO_{field.upper()}` | {info.description} |"
        for field, info in Settings.model_fields.items()
        if field.startswith(f"{name}_")
    ]
    lines += ["", "| operation | models | |", "|---|---|---|"]
    lines += [
        _operation(operation, [each for each in offers if each.operation == operation])
        for operation in OPERATIONS
        if any(each.operation == operation for each in offers)
    ]
    return "\n".join(lines) + "\n"


def _operation(operation: str, offers: Sequence[Offer]) -> str:
    models = ", ".join(f"`{model}`" for model in dict.fromkeys(each.model for each in offers))
    notes = []
    if all(each.fallback for each in offers):
        notes.append("a substitute")
    needed = sorted({each.needs_extra for each in offers if each.needs_extra})
    notes += [f"extra `{extra}` ({EXTRAS[extra].megabytes} MB)" for extra in needed]
    return f"| [`{operation}`](operations.md#{operation}) | {models} | {'; '.join(notes)} |"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
