"""What all operations share."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from studio import rules
from studio.errors import shorten

Prompt = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
"""A description in words. 10,000 characters is the longest that any provider takes (Stability)."""

PictureFormat = Literal["png", "jpeg", "webp"]

InputKind = Literal["picture", "audio"]
"""What an input field takes."""

_NAME = StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)
_NAME_OR_NOTHING = StringConstraints(strip_whitespace=True, max_length=1_000)

Picture = Annotated[str, _NAME, Field(json_schema_extra={"input": "picture"})]
"""An input picture by name: a library asset (``ast_…``), a file's path, or in a batch ``@row``."""

OptionalPicture = Annotated[str, _NAME_OR_NOTHING, Field(json_schema_extra={"input": "picture"})]
"""An input picture by name, or empty for none."""

OptionalAudio = Annotated[str, _NAME_OR_NOTHING, Field(json_schema_extra={"input": "audio"})]
"""An audio file by name, or empty for none."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)]
"""A description in words that may be left out."""

Colour = Annotated[str, StringConstraints(strip_whitespace=True, pattern=rules.COLOUR)]
"""A colour as #rrggbb, or empty where that means something."""

MOST_COLOURS = 6
_PALETTE_RULE = f"must be at most {MOST_COLOURS} colours as #rrggbb, with blanks between"
_COLOURS = re.compile(rf"(#[0-9a-f]{{6}}( #[0-9a-f]{{6}}){{0,{MOST_COLOURS - 1}}})?")


def _palette(text: str) -> str:
    """Return colours in one way of writing, each once."""
    plain = " ".join(dict.fromkeys(text.lower().replace(",", " ").split()))
    if not _COLOURS.fullmatch(plain):
        raise ValueError(_PALETTE_RULE)
    return plain


Palette = Annotated[str, StringConstraints(max_length=100), AfterValidator(_palette)]
"""Colours as ``#rrggbb #rrggbb``, the most important first; empty for none."""

PersonaName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=rules.PERSONA_NAME)]
"""The name of a stored persona, 1 to 40 of a-z, 0-9, _ and -; or empty for none."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A strength from 0 to 1; 0 is a value like any other."""

LARGEST_SEED = 4_294_967_294

Seed = Annotated[int, Field(ge=-1, le=LARGEST_SEED)]
"""A seed (0 is one); -1 lets the studio choose."""


PROVIDERS = ("local", "stability", "wavespeed", "huggingface", "gemini")
"""The names that forms offer; who there really is, ``providers/`` knows, and a test compares."""


class Operation(BaseModel):
    """A validated request for one piece of work.

    No field may be ``None`` and none is a union: such fields do not work in Prefect's forms.
    A value that says "leave it to the studio" is spelled out in the field's description.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: ClassVar[str]
    """The studio module that the operation belongs to, as in ``flows/``."""
    title: ClassVar[str]
    """What it does, as a verb and a noun."""
    summary: ClassVar[str]
    """One sentence for forms, help and documents."""
    example: ClassVar[dict[str, Any]]
    """Parameters that work with the local provider; inputs are named ``example.png``."""

    operation: str
    provider: str = Field(
        default="auto",
        title="Provider",
        description="Who does the work; auto takes the cheapest ready provider that fits.",
        max_length=40,
        json_schema_extra={"enum": ["auto", *PROVIDERS]},
    )
    model: str = Field(
        default="",
        title="Model",
        description="A model of that provider; empty leaves the choice to the studio.",
        max_length=120,
    )

    def canonical(self) -> str:
        """The request as text that is equal for equal requests."""
        return json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )

    def fingerprint(self) -> str:
        """SHA-256 of the canonical text, in hexadecimal."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def asked_template(self) -> str:
        """The template that the request named; usage is told by it, and nothing else."""
        return ""

    def again(self) -> dict[str, Any]:
        """Return the values of which the same request can be made again, its template named."""
        named = {"template": self.asked_template} if self.asked_template else {}
        return self.model_dump() | named

    def pieces(self) -> tuple[Operation, ...]:
        """Return the requests that this one stands for; its seed has been chosen."""
        return (self,)

    def target(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the pixels that the result must have, or ``None`` where the provider decides.

        Args:
            width: of the first input picture; 0 if there is none.
            height: the same.
        """
        del width, height
        return None

    def problem(self, width: int, height: int) -> str:
        """Say what is wrong with the request now that its picture is known; empty if nothing is.

        Args:
            width: pixels of that picture; 0 if there is none.
            height: the same.
        """
        del width, height
        return ""


@cache
def input_fields(operation: type[Operation]) -> Mapping[str, InputKind]:
    """Return the fields that name input files, and what each takes."""
    found: dict[str, InputKind] = {}
    for name, field in operation.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "input" in extra:
            found[name] = "audio" if extra["input"] == "audio" else "picture"
    return MappingProxyType(found)


def inputs_given(operation: Operation) -> Mapping[str, str]:
    """Return the input fields of ``operation`` that are not empty, with what they name."""
    named = {name: str(getattr(operation, name)) for name in input_fields(type(operation))}
    return {name: reference for name, reference in named.items() if reference}


def describe_problems(
    error: ValidationError, model: type[BaseModel] | None = None
) -> list[dict[str, str]]:
    """Turn pydantic's findings into ``field``, ``given`` and ``rule``, one entry each.

    Args:
        model: what was judged: a rule about several fields is told of the first that it names.
    """
    return [_described(each, model) for each in error.errors(include_url=False)]


def _described(finding: ErrorDetails, model: type[BaseModel] | None) -> dict[str, str]:
    rule, given = rules.rule(finding, "operation"), finding["input"]
    field = ".".join(str(part) for part in finding["loc"])
    if not field and model is not None:
        field = next((word for word in re.findall(r"\w+", rule) if word in model.model_fields), "")
        given = given.get(field, "") if isinstance(given, Mapping) else ""
    if finding["type"] == "missing":
        given = ""
    return {"field": field or "row", "given": shorten(given), "rule": rule}
