"""Assets as answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from interfaces.api.answers import Amount, Answer
from interfaces.api.links import Links
from library import Asset as Filed


class Parent(Answer):
    """A picture that another one was made from."""

    field: str
    asset: str


class Asset(Answer):
    """A file in the library, with where it came from."""

    id: str
    name: str
    media_type: str
    bytes: int
    width: int = Field(description="Pixels; 0 where that makes no sense.")
    height: int
    sha256: str
    operation: str = Field(description="What made it; import for what was brought in.")
    provider: str
    model: str
    method: str
    reason: str
    seed: int | None
    spent: Amount
    request: Mapping[str, Any]
    facts: Mapping[str, Any] = Field(
        description="What is known of the file itself: `seconds` tells how long a video or sound "
        "lasts, `colours` and `colour_profile` how a picture looks."
    )
    run: str
    created_at: datetime
    parents: list[Parent]
    url: str = Field(description="A signed link to the file, which needs no key and expires.")
    thumbnail_url: str
    url_expires_at: datetime

    @classmethod
    def of(cls, asset: Filed, links: Links) -> Asset:
        """Return an asset with links to its bytes."""
        known = {name: getattr(asset, name) for name in cls.model_fields if hasattr(asset, name)}
        return cls(
            **known
            | {
                "spent": Amount.of(asset.credits),
                "parents": [Parent(field=each.field, asset=each.asset) for each in asset.parents],
                "url": links.to(asset, "file"),
                "thumbnail_url": links.to(asset, "thumbnail"),
                "url_expires_at": links.until,
            }
        )
