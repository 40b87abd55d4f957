"""What Gemini is told for an operation: its fields put into the lines of ``prompts.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from providers.gemini.costs import MOST_TEXT
from providers.gemini.models import NAME
from providers.words import styled, without
from studio.errors import ProviderRejected
from studio.operations import Operation


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    say: str
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def fits(self, context: Mapping[str, Any]) -> bool:
        return all(context[name] for name in self.when) and not any(
            context[name] for name in self.unless
        )


_LINES: Mapping[str, tuple[_Line, ...]] = TypeAdapter(dict[str, tuple[_Line, ...]]).validate_python(
    tomllib.loads((files("providers.gemini") / "prompts.toml").read_text(encoding="utf-8"))
)


def words_for(operation: Operation, pictures: Sequence[str]) -> str:
    """Return what Gemini is told for an operation.

    Args:
        operation: what is asked.
        pictures: the input fields whose pictures are attached, in their order.

    Raises:
        ProviderRejected: it is longer than the price allows for; nothing was sent.
    """
    context = _context(operation, pictures)
    said = [
        line.say.format_map(context) for line in _LINES[operation.operation] if line.fits(context)
    ]
    text = without("\n".join(said), context.get("negative_prompt", ""))
    _check_length(operation, text)
    return text


def _context(operation: Operation, pictures: Sequence[str]) -> dict[str, Any]:
    """Return the fields as lines speak of them; whatever means "none" is empty."""
    context = {name: getattr(operation, name) for name in type(operation).model_fields}
    if context.get("light_direction") == "none":
        context["light_direction"] = ""
    if "prompt" in context:
        context["prompt"] = styled(context["prompt"], context.get("style", ""))
    numbers = {name: f"image {number}" for number, name in enumerate(pictures, 1)}
    return context | numbers | {"pictures": ", ".join(numbers.values())}


def _check_length(operation: Operation, text: str) -> None:
    size = len(text.encode())
    if size <= MOST_TEXT:
        return
    longest = max(
        (name for name, value in operation if isinstance(value, str)),
        key=lambda name: len(getattr(operation, name).encode()),
    )
    raise ProviderRejected(
        "The words are more than the price of Gemini's offers allows for; shorten them. Letters "
        "other than a to z count two to four bytes.",
        provider=NAME,
        field=longest,
        given=f"{size} bytes in all",
        allowed=f"at most {MOST_TEXT} bytes, everything that is said around them included",
    )
