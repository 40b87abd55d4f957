"""Templates, from ``templates.toml``: what a picture is for, and what suits that."""

from __future__ import annotations

import datetime as dt
import difflib
import math
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from studio.catalog.matching import Entry, Hit, Index, words
from studio.errors import InvalidRequest

Category = Literal[
    "social_media",
    "blog_content",
    "email_marketing",
    "brand_assets",
    "advertising",
    "product",
]

CATEGORIES: tuple[str, ...] = get_args(Category)
"""What templates are sorted by."""

_LONGEST_ID = 60
_NEAREST = 5
"""How many ids a refusal names."""

_Id = Annotated[str, StringConstraints(pattern=rf"^[a-z0-9_]{{2,{_LONGEST_ID}}}$")]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
_Side = Annotated[int, Field(ge=64, le=4_096)]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Template(_Data):
    """One purpose of a picture.

    Attributes:
        id: as people write it in forms and CSV files.
        name: for people.
        platform: where the picture is shown.
        category: one of ``CATEGORIES``.
        width: pixels, 64 to 4096.
        height: the same.
        use_cases: what it is good for, in words.
        style: a style by its id; empty for none.
        quality: what is worth spending on it.
        description: what to know when making one.
        source: whose guidance gives the size.
        checked: the day on which the size was last compared with it.
    """

    id: _Id
    name: _Line
    platform: _Id
    category: Category
    width: _Side
    height: _Side
    use_cases: Annotated[tuple[_Line, ...], Field(min_length=1, max_length=10)]
    style: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{0,60}$")]
    quality: Literal["draft", "standard", "premium"]
    description: _Line
    source: _Line
    checked: dt.date

    @property
    def ratio(self) -> str:
        """Width to height in the smallest whole numbers, such as 16:9."""
        common = math.gcd(self.width, self.height)
        return f"{self.width // common}:{self.height // common}"


class Recommendation(_Data):
    """A template, and why it suits."""

    template: Template
    reason: str


def _read() -> Mapping[str, Template]:
    text = (files(__package__) / "templates.toml").read_text(encoding="utf-8")
    read = TypeAdapter(tuple[Template, ...]).validate_python(tomllib.loads(text)["templates"])
    found = {each.id: each for each in read}
    if len(found) != len(read):
        raise ValueError("templates.toml has an id twice")
    return MappingProxyType(found)


TEMPLATES: Mapping[str, Template] = _read()
"""Every template by its id, in the order of the file."""

PLATFORMS: tuple[str, ...] = tuple(dict.fromkeys(each.platform for each in TEMPLATES.values()))
"""Every platform that has a template."""


def nearest(identifier: str) -> str:
    """Say which ids come near to ``identifier``, or what ids are like where none does."""
    asked = "_".join(words(identifier[:_LONGEST_ID]))
    close = difflib.get_close_matches(asked, TEMPLATES, n=_NEAREST, cutoff=0.6)
    if close:
        return ", ".join(close)
    return f"one of {len(TEMPLATES)}, such as {', '.join(islice(TEMPLATES, _NEAREST))}"


def template(identifier: str) -> Template:
    """Return the template called ``identifier``.

    Raises:
        InvalidRequest: there is no such template; ``allowed`` has the nearest ids.
    """
    try:
        return TEMPLATES[identifier]
    except KeyError:
        raise InvalidRequest(
            "There is no such template; `studio templates` lists them.",
            field="template",
            given=identifier,
            allowed=nearest(identifier),
        ) from None


def listed(platform: str = "", category: str = "") -> tuple[Template, ...]:
    """Return the templates of a platform, of a category, or of both; all of them for neither.

    Raises:
        InvalidRequest: there is no such platform or category.
    """
    _check("platform", platform, PLATFORMS)
    _check("category", category, CATEGORIES)
    return tuple(
        each
        for each in TEMPLATES.values()
        if platform in {"", each.platform} and category in {"", each.category}
    )


def search(query: str, platform: str = "", category: str = "") -> tuple[Template, ...]:
    """Return the templates that have the most words of ``query``, the best first.

    A word counts most in the name, then as the platform, in the use cases, in the description,
    and as the category; sizes (1080x1920) and ratios (9:16) are found, too.

    Args:
        query: 1 to 200 characters.
        platform: only of this one.
        category: only of this one.

    Raises:
        InvalidRequest: the query is empty or too long, or there is no such platform or category.
    """
    among = [each.id for each in listed(platform, category)]
    return tuple(TEMPLATES[found] for found, _ in _BY_NAME.look(query, among))


def recommend(use_case: str, platform: str = "") -> tuple[Recommendation, ...]:
    """Return the templates that suit a use case, the best first, each with the reason.

    What a template is good for counts most, then its name, its description, its platform and its
    category.

    Args:
        use_case: what the picture is for, 1 to 200 characters.
        platform: only of this one.

    Raises:
        InvalidRequest: the use case is empty or too long, or there is no such platform.
    """
    among = [each.id for each in listed(platform)]
    return tuple(
        Recommendation(template=TEMPLATES[found], reason=_reason(TEMPLATES[found], hits))
        for found, hits in _BY_USE.look(use_case, among)
    )


_SAYS = {
    "use case": "good for {}",
    "name": "{} in its name",
    "description": "{} in its description",
    "platform": "of the platform {}",
    "category": "of the category {}",
}


def _reason(of: Template, hits: tuple[Hit, ...]) -> str:
    """Say where the words were found, the place that counts most first."""
    parts = []
    for place, says in _SAYS.items():
        found = [hit.word for hit in hits if hit.place == place]
        if place == "use case":
            found = [case for case in of.use_cases if set(words(case)) & set(found)]
        if found:
            parts.append(says.format(", ".join(dict.fromkeys(found))))
    return f"{'; '.join(parts)}; {of.width}x{of.height}, {of.quality} quality"


def _check(field: str, given: str, allowed: tuple[str, ...]) -> None:
    if given and given not in allowed:
        raise InvalidRequest(
            f"There is no such {field} among the templates.",
            field=field,
            given=given,
            allowed=", ".join(allowed),
        )


def _places(of: Template) -> dict[str, frozenset[str]]:
    shape = f"{of.width}x{of.height} {of.ratio}"
    return {
        "name": frozenset(words(of.name)),
        "platform": frozenset(words(of.platform.replace("_", " "))),
        "use case": frozenset(words(" ".join(of.use_cases))),
        "description": frozenset(words(f"{of.description} {shape}")),
        "category": frozenset(words(of.category.replace("_", " "))),
    }


def _index(*order: str) -> Index:
    entries = {}
    for each in TEMPLATES.values():
        places = _places(each)
        entries[each.id] = Entry({place: places[place] for place in order})
    return Index(entries)


_BY_NAME = _index("name", "platform", "use case", "description", "category")
_BY_USE = _index("use case", "name", "description", "platform", "category")
