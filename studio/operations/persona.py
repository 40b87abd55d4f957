"""Personas: how a brand speaks and looks, and what that makes of a request.

A persona is put into a request before it is quoted, as a template is: its words become part of the
prompt, its words to avoid part of what is not to be in the picture, its colours and style fill the
fields that are left open. So what is quoted, keyed, bought and filed is the persona's content; a
persona that changes later changes no picture that was made, and makes new work of a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from studio.catalog import style
from studio.errors import InvalidRequest
from studio.operations.base import Operation, Palette, PersonaName, describe_problems
from studio.rules import PERSONA_WORD

MOST_WORDS = 20
"""Words to use, and words to avoid, of one persona."""

_NAMED = 5
"""Words to avoid that a refusal names."""

Phrase = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=PERSONA_WORD),
]
"""A word or a short term."""


def _known(name: str) -> str:
    if not name:
        return name
    try:
        return style(name).id
    except InvalidRequest as error:
        # The nearest names: of all of them nobody reads one.
        raise ValueError(f"is not the name of a style; allowed: {error.allowed}") from None


class Persona(BaseModel):
    """How a brand speaks and looks.

    Attributes:
        name: as people write it in forms and CSV files.
        tone: how it sounds, in a few words.
        palette: its colours, the most important first.
        vocabulary: words that its pictures are described with.
        avoid: words that are neither in its prompts nor in its pictures.
        style: the style of its pictures where a request names none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[PersonaName, Field(min_length=1)]
    tone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    palette: Palette = ""
    vocabulary: Annotated[tuple[Phrase, ...], Field(max_length=MOST_WORDS)] = ()
    avoid: Annotated[tuple[Phrase, ...], Field(max_length=MOST_WORDS)] = ()
    style: Annotated[str, Field(max_length=60), AfterValidator(_known)] = ""

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> Self:
        said = ". ".join([self.tone, *self.vocabulary])
        found = _first(self.avoid, said)
        if found:
            raise ValueError(f"avoid has {found!r}, which is in tone or vocabulary")
        return self


def read_persona(values: Mapping[str, Any]) -> Persona:
    """Return the persona that ``values`` describe; lists may be given for texts of several words.

    Raises:
        InvalidRequest: something in it is not right; field, given and allowed say what.
    """
    values = dict(values)
    if isinstance(palette := values.get("palette"), list | tuple):
        values["palette"] = " ".join(map(str, palette))
    try:
        return Persona.model_validate(values)
    except ValidationError as error:
        problems = describe_problems(error)
        first = problems[0]
        raise InvalidRequest(
            f"Persona: {first['field'].replace('row', 'its words')} {first['rule']}.",
            field=first["field"],
            given=first["given"],
            allowed=first["rule"],
            problems=problems,
        ) from None


@dataclass(frozen=True, slots=True)
class Settled:
    """A request as it will be quoted, and what the studio made of the one that was given.

    Attributes:
        operation: with everything replaced by what it stands for.
        notes: what was changed and from what, JSON values; they are kept with what is made.
    """

    operation: Operation
    notes: Mapping[str, Any] = field(default_factory=dict)


def worn(operation: Operation, persona: Persona) -> Settled:
    """Return the request as ``persona`` has it made.

    - A prompt with a word to avoid is refused: what is meant instead, only its writer knows. A
      word counts as a whole, and capitals do not matter.
    - Tone and vocabulary stand behind the prompt; words that it has already are not repeated.
    - Words to avoid join what is not to be in the picture.
    - Colours and style fill these fields where they are empty; what stands there wins.

    Raises:
        InvalidRequest: the prompt has a word to avoid, or the whole is too long.
    """
    given: str = getattr(operation, "prompt", "")
    _check(given, persona)
    values = operation.again() | {
        "persona": "",
        "prompt": spoken(given, [persona.tone, *persona.vocabulary]),
    }
    if "negative_prompt" in values:
        banned = values["negative_prompt"]
        values["negative_prompt"] = spoken(banned, persona.avoid)
    for name in ("palette", "style"):
        if name in values and not values[name]:
            values[name] = getattr(persona, name)
    try:
        made = type(operation).model_validate(values)
    except ValidationError as error:
        problem = describe_problems(error)[0]
        raise InvalidRequest(
            f"{operation.title}: with the words of persona {persona.name}, {problem['field']} "
            f"{problem['rule']}.",
            field=problem["field"],
            given=problem["given"],
            allowed=problem["rule"],
        ) from None
    return Settled(made, {"persona": persona.name, "prompt_given": given})


def _check(prompt: str, persona: Persona) -> None:
    found = _first(persona.avoid, prompt)
    if not found:
        return
    named = ", ".join(persona.avoid[:_NAMED])
    more = len(persona.avoid) - _NAMED
    raise InvalidRequest(
        f"The prompt has a word that persona {persona.name} avoids.",
        field="prompt",
        given=found,
        allowed=f"any other words than: {named}" + (f" and {more} more" if more > 0 else ""),
    )


def spoken(text: str, words: Iterable[str]) -> str:
    """Return ``text`` with those of ``words`` behind it that it does not have already."""
    parts = [text.rstrip(" .,")] if text else []
    for each in words:
        if each and not has_word(", ".join(parts), each):
            parts.append(each)
    return ", ".join(parts) if len(parts) > 1 or not text else text


def has_word(text: str, word: str) -> bool:
    """Whether ``text`` has ``word``, as a whole and whatever its capitals."""
    return bool(_pattern(word).search(text))


def without_words(text: str, words: Iterable[str]) -> str:
    """Return ``text`` without ``words`` and without the gaps that they leave."""
    for word in words:
        text = _pattern(word).sub("", text)
    text = re.sub(r"\s+([,.;])", r"\1", re.sub(r"\s{2,}", " ", text))
    return re.sub(r"(?:[,;]\s*)+(?=[,;.])", "", text).strip(" ,;")


def _pattern(word: str) -> re.Pattern[str]:
    inner = r"\s+".join(map(re.escape, word.split()))
    return re.compile(rf"(?<!\w){inner}(?!\w)", re.IGNORECASE)


def _first(words: Iterable[str], text: str) -> str:
    return next((word for word in words if has_word(text, word)), "")
