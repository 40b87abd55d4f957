"""What somebody looks for among assets: a choice that is applied by the database, not to a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import ColumnElement, or_

from library.tables import assets
from studio.errors import InvalidRequest

Kind = Literal["image", "video", "audio", "text", "model"]

_MEDIA: dict[str, tuple[str, ...]] = {
    "image": ("image/",),
    "video": ("video/",),
    "audio": ("audio/",),
    "text": ("text/", "application/json"),
    "model": ("model/",),
}
"""What the media types of each kind begin with."""

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """Which assets are asked for; each must hold, and what is empty asks for nothing.

    Attributes:
        kind: image, video, audio, text or model (three-dimensional).
        operation: what made them, such as ``generate``; ``import`` for what came from outside.
        provider: who made them, by its name.
        model: the model that made them, by its whole name.
        since: filed at this moment or later; it must bear its offset.
        until: filed before this moment; it must bear its offset.

    Raises:
        InvalidRequest: there is no such kind, a name is longer than 200 characters or holds a NUL,
            or a moment has no offset.
    """

    kind: str = ""
    operation: str = ""
    provider: str = ""
    model: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what the database would misread."""
        if self.kind and self.kind not in get_args(Kind):
            raise InvalidRequest(
                "There is no such kind of file.",
                field="kind",
                given=self.kind,
                allowed=", ".join(get_args(Kind)),
            )
        for field in ("operation", "provider", "model"):
            value = getattr(self, field)
            if len(value) > _LONGEST or "\0" in value:
                raise InvalidRequest(
                    "That is no name.",
                    field=field,
                    given=value[:_LONGEST],
                    allowed=f"at most {_LONGEST} characters, none of them NUL",
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

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a row of ``assets`` must fulfil. Names are compared whole and as they are."""
        columns = assets.c
        found: list[ColumnElement[bool]] = []
        if self.kind:
            begins = [columns.media_type.startswith(word) for word in _MEDIA[self.kind]]
            found.append(or_(*begins))
        names = {"operation": self.operation, "provider": self.provider, "model": self.model}
        found.extend(columns[field] == value for field, value in names.items() if value)
        if self.since is not None:
            found.append(columns.created_at >= self.since)
        if self.until is not None:
            found.append(columns.created_at < self.until)
        return found


EVERYTHING = Filters()
"""No filter at all."""
