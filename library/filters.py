"""What somebody looks for among assets: a choice that is applied by the database, not to a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_args

from library.cards import COLOURS, SHAPES
from studio.errors import InvalidRequest

Kind = Literal["image", "video", "audio", "text", "model"]

LONGEST = 200
"""Characters of a name that is filtered by."""

LONGEST_SEARCH = 500
"""Characters of what is searched for."""

COMPLETED = "completed"
STATUSES = (COMPLETED, "pending", "processing", "failed", "unknown")
"""What has ended well is in the library; the rest is listed out of the ledger of jobs."""

_NAMES = ("operation", "provider", "model", "module", "template", "tag", "collection")
_SIZES = (
    *("least_bytes", "most_bytes", "least_width", "least_height"),
    *("least_credits", "most_credits"),
)
_LARGEST = 2**62
_BEST = 5


@dataclass(frozen=True, slots=True)
class Filters:
    """Which assets are asked for; each must hold, and what is empty asks for nothing.

    Attributes:
        words: what is searched for: words of prompts, titles, tags, file names, models, and ids or
            their beginnings and ends of six characters or more; all must be there. A word after
            ``-`` must not be.
        kind: image, video, audio, text or model (three-dimensional).
        operation: what made them, such as ``generate``; ``import`` for what came from outside.
        provider: who made them, by its name.
        model: the model that made them, by its whole name.
        module: the studio's module that made them, such as ``edit``.
        template: the template that they were made by.
        status: completed, which is all that has come to an asset; pending, processing, failed or
            unknown is work that has not, which the library's own pages do not hold
            (``engine.unfinished``).
        tag: a tag that they bear.
        collection: the id of a collection that they are in, or in one within it.
        colour: one of ``COLOURS``; a picture has up to four that stand out.
        shape: square, landscape or portrait, or a ratio such as ``16:9``.
        favourite: whether they are favourites; ``None`` does not ask.
        rating: their rating is at least this, 1 to 5; 0 does not ask.
        since: filed at this moment or later; it must bear its offset.
        until: filed before this moment; it must bear its offset.
        least_bytes: their files are not smaller, in bytes; ``None`` does not ask, as below.
        most_bytes: their files are not larger, in bytes.
        least_width: not narrower, in pixels.
        least_height: not lower, in pixels.
        least_credits: not cheaper, in micro-credits.
        most_credits: not dearer, in micro-credits.
        trashed: what is in the trash, instead of what is not.

    Raises:
        InvalidRequest: there is no such kind, status, colour or shape, a name is longer than 200
            characters or holds a NUL, a size is below zero, or a moment has no offset.
    """

    kind: str = ""
    operation: str = ""
    provider: str = ""
    model: str = ""
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""
    module: str = ""
    template: str = ""
    status: str = ""
    tag: str = ""
    collection: str = ""
    colour: str = ""
    shape: str = ""
    favourite: bool | None = None
    rating: int = 0
    least_bytes: int | None = None
    most_bytes: int | None = None
    least_width: int | None = None
    least_height: int | None = None
    least_credits: int | None = None
    most_credits: int | None = None
    trashed: bool = False

    def __post_init__(self) -> None:
        """Refuse what the database would misread."""
        _check_one_of("kind", self.kind, "There is no such kind of file.", get_args(Kind))
        _check_one_of("status", self.status, "There is no such status.", STATUSES)
        _check_one_of("colour", self.colour, "There is no such colour.", COLOURS)
        _check_one_of("shape", self.shape, "There is no such shape.", SHAPES)
        for field in _NAMES:
            check_name(field, getattr(self, field))
        check_name("words", self.words, LONGEST_SEARCH)
        for field in _SIZES:
            _check_size(field, getattr(self, field))
        if not 0 <= self.rating <= _BEST:
            raise InvalidRequest(
                "That is no rating.", field="rating", given=self.rating, allowed="0 to 5"
            )
        for field in ("since", "until"):
            moment = getattr(self, field)
            if moment is not None and moment.tzinfo is None:
                raise InvalidRequest(
                    "A moment needs its offset from UTC.",
                    field=field,
                    given=moment.isoformat(),
                    allowed="such as 2026-12-31T12:00:00+01:00",
                )

    def as_json(self) -> dict[str, Any]:
        """Return what is asked for as JSON values, to be kept."""
        found = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                found[field.name] = value.isoformat() if isinstance(value, datetime) else value
        return found


def filters_of(values: Mapping[str, Any]) -> Filters:
    """Return filters that were kept.

    Raises:
        InvalidRequest: they are not right, or ask for something that there is not.
    """
    known = {field.name for field in fields(Filters)}
    if unknown := sorted(set(values) - known):
        raise InvalidRequest(
            "There is no such filter.",
            field=unknown[0],
            given=values[unknown[0]],
            allowed=", ".join(sorted(known)),
        )
    found = dict(values)
    for field in ("since", "until"):
        if isinstance(found.get(field), str):
            try:
                found[field] = datetime.fromisoformat(found[field])
            except ValueError:
                raise InvalidRequest(
                    "This is not a moment.",
                    field=field,
                    given=found[field],
                    allowed="such as 2026-12-31T12:00:00+01:00",
                ) from None
    for field, value in found.items():
        _check_type(field, value)
    return Filters(**found)


def check_name(field: str, value: str, longest: int = LONGEST) -> str:
    """Return a name that a database can compare.

    Raises:
        InvalidRequest: it is too long, or holds what no database keeps.
    """
    broken = "\0" in value or any("\ud800" <= each <= "\udfff" for each in value)
    if len(value) > longest or broken:
        raise InvalidRequest(
            "That is no name.",
            field=field,
            given=ascii(value[:LONGEST]),
            allowed=f"at most {longest} characters, none of them NUL",
        )
    return value


def _check_one_of(field: str, value: str, message: str, allowed: tuple[str, ...]) -> None:
    if value and value not in allowed:
        raise InvalidRequest(message, field=field, given=value, allowed=", ".join(allowed))


def _check_size(field: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= _LARGEST:
        raise InvalidRequest(
            "That is no size.", field=field, given=value, allowed=f"0 to {_LARGEST}"
        )


def _check_type(field: str, value: object) -> None:
    default = next(each.default for each in fields(Filters) if each.name == field)
    if field in {"since", "until"}:
        right = value is None or isinstance(value, datetime)
    elif field in {"favourite", "trashed"}:
        right = isinstance(value, bool) or (value is None and field == "favourite")
    elif isinstance(default, str):
        right = isinstance(value, str)
    else:
        right = value is None or (isinstance(value, int) and not isinstance(value, bool))
        right = right and not (value is None and field == "rating")
    if not right:
        raise InvalidRequest(
            "That is no value of this filter.", field=field, given=repr(value)[:LONGEST]
        )


EVERYTHING = Filters()
"""No filter at all."""
