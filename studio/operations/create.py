"""Create: pictures from words."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from studio.catalog import TEMPLATES, nearest
from studio.operations.base import (
    LARGEST_SEED,
    Operation,
    OptionalPicture,
    Palette,
    PersonaName,
    PictureFormat,
    Prompt,
    Seed,
    Words,
)

SMALLEST_SIDE = 64
LARGEST_SIDE = 4_096
_SIDE = 1_024
"""What a side has that nobody has asked for, and the longer one of a ratio."""

_RATIO = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,2})?):([0-9]{1,4}(?:\.[0-9]{1,2})?)")
_LARGEST_RATIO = _SIDE // SMALLEST_SIDE


def _known(identifier: str) -> str:
    if identifier and identifier not in TEMPLATES:
        raise ValueError(f"is not the name of a template; allowed: {nearest(identifier)}")
    return identifier


def _possible(ratio: str) -> str:
    if ratio:
        size_of(ratio)
    return ratio


def size_of(ratio: str) -> tuple[int, int]:
    """Return the pixels of a ratio such as ``16:9`` or ``1.91:1``; the longer side has 1024.

    Raises:
        ValueError: it is none, or lies beyond 16:1 or 1:16.
    """
    found = _RATIO.fullmatch(ratio)
    across, down = map(Fraction, found.groups()) if found else (Fraction(0), Fraction(0))
    if not min(across, down) or max(across, down) > _LARGEST_RATIO * min(across, down):
        raise ValueError(
            "must be width:height such as 16:9 or 1.91:1, "
            f"from 1:{_LARGEST_RATIO} to {_LARGEST_RATIO}:1"
        )
    short = int(_SIDE * min(across, down) / max(across, down) + Fraction(1, 2))
    return (_SIDE, short) if across >= down else (short, _SIDE)


_PERSONA = (
    "A stored brand persona by name (studio personas); empty for none. Its tone and vocabulary "
    "join the prompt, which may have none of its words to avoid; "
)

_ASKED = "asked_template_"
_OF_A_TEMPLATE = ("width", "height", "style", "quality")
"""The fields that a template fills in."""


class Generate(Operation):
    """Make a picture from a description in words.

    ``template`` and ``ratio`` are other ways of giving width, height, style and quality. When the
    request is validated they are replaced by what they stand for, and are empty from then on. So
    what is quoted, keyed, bought and filed does not depend on what the catalogue says later, and
    the same picture is the same work, however it was asked for. A ``persona`` is replaced likewise,
    later, by who can look it up for its owner (``studio.operations.persona``).
    """

    module: ClassVar[str] = "create"
    title: ClassVar[str] = "Create image"
    summary: ClassVar[str] = "Make a picture from a description in words."
    example: ClassVar[dict[str, Any]] = {"prompt": "a lighthouse at sunset", "seed": 7}

    operation: Literal["generate"] = "generate"
    prompt: Prompt = Field(
        title="Prompt", description="What the picture shows, for example: a fox in a misty forest."
    )
    negative_prompt: Words = Field(
        default="", title="Not in the picture", description="What to leave out."
    )
    enhance: Literal["off", "auto", "local"] = Field(
        default="off",
        title="Enhance prompt",
        description=(
            "off uses the prompt as it is. auto has a text model write a fuller one first where "
            "one is ready, and rules on this machine where none is; local takes these rules. It is "
            "quoted and bought as enhance_prompt is, once for all variations."
        ),
    )
    template: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=60), AfterValidator(_known)
    ] = Field(
        default="",
        title="Template",
        description=(
            "What the picture is for, for example instagram_story; empty for none. It gives "
            "width and height where they are 1024, style where it is empty, and quality where "
            "it is standard (which may cost more); whatever else stands there wins."
        ),
        json_schema_extra={"enum": ["", *TEMPLATES]},
    )
    width: int = Field(
        default=_SIDE,
        title="Width",
        description="Pixels, 64 to 4096.",
        ge=SMALLEST_SIDE,
        le=LARGEST_SIDE,
    )
    height: int = Field(
        default=_SIDE,
        title="Height",
        description="Pixels, 64 to 4096.",
        ge=SMALLEST_SIDE,
        le=LARGEST_SIDE,
    )
    ratio: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=20), AfterValidator(_possible)
    ] = Field(
        default="",
        title="Aspect ratio",
        description=(
            "Width to height, for example 16:9 or 1.91:1, from 1:16 to 16:1; the longer side has "
            "1024 pixels. It counts only without a template, and where width and height are both "
            "1024. Empty for none."
        ),
    )
    style: str = Field(
        default="",
        title="Style",
        description="A style by name, for example line-art; empty for none.",
        max_length=60,
    )
    palette: Palette = Field(
        default="",
        title="Colours",
        description=(
            "Up to six colours as #rrggbb with blanks between, the most important first; empty "
            "for none."
        ),
    )
    persona: PersonaName = Field(
        default="",
        title="Persona",
        description=(
            f"{_PERSONA}these are left out of the picture, and its colours and style count where "
            "none are given."
        ),
    )
    quality: Literal["draft", "standard", "premium"] = Field(
        default="standard", title="Quality", description="How much to spend on it."
    )
    guidance: float = Field(
        default=0.0,
        title="Guidance",
        description="How closely to follow the prompt, 1 to 20; 0 leaves it to the model.",
        ge=0,
        le=20,
    )
    steps: int = Field(
        default=0,
        title="Steps",
        description="Denoising steps, 1 to 150; 0 leaves them to the model.",
        ge=0,
        le=150,
    )
    reference: OptionalPicture = Field(
        default="", title="Reference", description="A picture to take after; empty for none."
    )
    reference_2: OptionalPicture = Field(
        default="", title="Second reference", description="Empty for none."
    )
    reference_3: OptionalPicture = Field(
        default="", title="Third reference", description="Empty for none."
    )
    seed: Seed = Field(
        default=-1,
        title="Seed",
        description="The same seed gives the same picture; -1 lets the studio choose.",
    )
    variations: int = Field(
        default=1,
        title="Variations",
        description="Pictures to make, 1 to 10; each has the next seed.",
        ge=1,
        le=10,
    )
    output_format: PictureFormat = Field(
        default="png", title="File type", description="png, jpeg or webp."
    )

    def pieces(self) -> tuple[Generate, ...]:
        """Return one request for each variation, with the seeds behind each other."""
        if self.variations == 1:
            return (self,)
        return tuple(
            self.model_copy(
                update={"variations": 1, "seed": (self.seed + number) % (LARGEST_SEED + 1)}
            )
            for number in range(self.variations)
        )

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        """Put what template and ratio stand for in their place."""
        values: dict[str, Any] = {}
        if self.template:
            found = TEMPLATES[self.template]
            values = {name: getattr(found, name) for name in _OF_A_TEMPLATE if self._left(name)}
        elif self.ratio and self._left("width") and self._left("height"):
            values = dict(zip(("width", "height"), size_of(self.ratio), strict=True))
        # Nobody has seen this object yet: it is frozen for all who get it. The template's name is
        # no field from here on: it is in no key and no dump, and makes no two requests differ.
        self.__dict__.update(values, template="", ratio="", **{_ASKED: self.template})
        self.model_fields_set.update(values)
        return self

    @property
    def asked_template(self) -> str:
        """The template that the request named."""
        return str(self.__dict__.get(_ASKED, ""))

    def _left(self, name: str) -> bool:
        """Whether a field holds its default. Forms send defaults, too: being set says nothing."""
        return bool(getattr(self, name) == type(self).model_fields[name].default)

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Return the size asked for."""
        del width, height
        return self.width, self.height


class EnhancePrompt(Operation):
    """Have a text model write a better prompt."""

    module: ClassVar[str] = "create"
    title: ClassVar[str] = "Enhance prompt"
    summary: ClassVar[str] = "Turn a few words into a full description of a picture."
    example: ClassVar[dict[str, Any]] = {"prompt": "a lighthouse"}

    operation: Literal["enhance_prompt"] = "enhance_prompt"
    prompt: Prompt = Field(title="Prompt", description="What the picture shows, in a few words.")
    style: str = Field(
        default="", title="Style", description="A style by name; empty for none.", max_length=60
    )
    persona: PersonaName = Field(
        default="",
        title="Persona",
        description=f"{_PERSONA}its style counts where none is given.",
    )
