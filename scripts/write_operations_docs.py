"""Write docs/operations.md from the models, offers and prices; a test sees to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from billing.pricebook import PriceBook, current
from providers import Offer
from providers.catalogue import all_offers
from studio import credits as money
from studio.clock import now
from studio.errors import PriceUnknown
from studio.operations import OPERATIONS, Operation

PATH = Path(__file__).parent.parent / "docs" / "operations.md"

HEAD = """\
# Operations

What the studio can be asked, with every field and every offer. A field is a question of a form in
Prefect, an option of `studio run`, and a column of a batch file. This page is written from the
models, the offers and the price book (`python -m scripts.write_operations_docs`).

Every operation also has `provider` (`auto`, or one of {providers}) and `model` (one of the models
below; empty leaves the choice to the studio). An input file is named by the id of a library asset
(`ast_…`), by a path, or in a batch by `@row`.
"""

_MODULES = ("create", "edit", "upscale", "control", "transform", "social", "library")
_SHARED = {"operation", "provider", "model"}


def text() -> str:
    """Return the document."""
    offers, book = all_offers(), current(now().date())
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(each.provider for each in offers))
    parts = [HEAD.format(providers=names)]
    for module in _MODULES:
        parts.append(f"\n## {module.title()}\n")
        for name, kind in OPERATIONS.items():
            if kind.module == module:
                sold = [offer for offer in offers if offer.operation == name]
                parts.append(_operation(name, kind, sold, book))
    return "".join(parts)


def _operation(name: str, kind: type[Operation], offers: Sequence[Offer], book: PriceBook) -> str:
    lines = [
        f"\n### `{name}`",
        "",
        kind.summary,
        "",
        "| field | takes | what it is |",
        "|---|---|---|",
    ]
    schema = kind.model_json_schema()["properties"]
    own = [field for field in kind.__annotations__ if field in schema]
    order = [*own, *(field for field in schema if field not in own)]
    lines += [_field(field, schema[field]) for field in order if field not in _SHARED]
    lines += ["", "| offer | credits | what comes back |", "|---|---|---|"]
    lines += [_offer(offer, book) for offer in offers] or ["| none yet | | |"]
    return "\n".join(lines) + "\n"


def _field(name: str, schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    shown = "required" if "default" not in schema else f"default `{default}`"
    if default == "":
        shown = "may be empty"
    return f"| `{name}` | {_type(schema)}; {shown} | {schema.get('description', '')} |"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"] if choice)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "input" in schema:
        return f"{schema['input']} file"
    if schema.get("type") == "array":
        return "list"
    low, high = schema.get("minimum"), schema.get("maximum")
    kind = {"integer": "whole number", "number": "number", "boolean": "true or false"}
    word = kind.get(str(schema.get("type")), "text")
    return f"{word}, {low:g} to {high:g}" if low is not None and high is not None else word


def _offer(offer: Offer, book: PriceBook) -> str:
    try:
        price = money.show(book.line(offer.id).price)
        ceiling = "at most " if offer.usage else ""
        shown = f"{ceiling}{price} a {offer.price.unit}"
    except PriceUnknown:
        shown = "no price: not for sale"
    quality = f" ({', '.join(offer.quality)})" if offer.quality else ""
    return f"| `{offer.id}`{quality} | {shown} | {offer.says} |"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
