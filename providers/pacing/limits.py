"""What a provider allows an account, as data."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["requests", "images", "videos"]
"""What a window counts: HTTP requests of any sort, or pieces of work of one sort."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(_Data):
    """At most ``count`` starts within any ``seconds``, wherever that interval begins.

    Attributes:
        count: starts.
        seconds: length of the interval.
        margin: seconds by which we take the interval for longer than it is. It covers what lies
            between our clock and the provider's: a process that wakes up late (up to half of it;
            later, and the start is given up and reserved anew), a connection that is opened first,
            the difference between two machines' clocks. 0.5 s costs 5 % of 150 in 10 s.
    """

    count: int = Field(ge=1, le=100_000)
    seconds: float = Field(gt=0, le=86_400)
    margin: float = Field(default=0.5, gt=0, le=60)


class AccountLimits(_Data):
    """How often and how much at once an account may ask. Nothing set: as it likes.

    Attributes:
        requests: windows over every HTTP request, polls included.
        images: windows over pictures ordered.
        videos: windows over videos ordered.
        concurrent: pieces of work under way at once; ``None`` where the provider does not care.
        lockout_seconds: for how long the provider shuts out who asked too often, where it does
            not say so in its answer.
    """

    requests: tuple[Window, ...] = ()
    images: tuple[Window, ...] = ()
    videos: tuple[Window, ...] = ()
    concurrent: int | None = Field(default=None, ge=1, le=100_000)
    lockout_seconds: float = Field(default=60, gt=0, le=86_400)

    @model_validator(mode="after")
    def _check_windows(self) -> Self:
        for windows in (self.requests, self.images, self.videos):
            lengths = [each.seconds for each in windows]
            if len(set(lengths)) < len(lengths):
                raise ValueError(f"two windows of one kind have the same length: {lengths}")
        return self

    def windows(self, kind: Kind) -> tuple[Window, ...]:
        """Return the windows that count a start of that kind."""
        windows: tuple[Window, ...] = getattr(self, kind)
        return windows

    @property
    def any(self) -> bool:
        """Whether there is any limit at all."""
        return bool(self.requests or self.images or self.videos or self.concurrent)
