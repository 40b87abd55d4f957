"""The options by which assets are chosen, alike for every command that chooses some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from interfaces.cli.days import moment
from library import Filters
from studio import credits as money


def _option(words: str) -> Parameter:
    return Parameter(help=words, show_default=False)


_FLAG = {"negative": (), "show_default": False}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which assets."""

    kind: Annotated[str, _option("Only these: image, video, audio, text or model.")] = ""
    module: Annotated[str, _option("Only what this module made, such as edit.")] = ""
    operation: Annotated[
        str, _option("Only what this made, such as generate; import for what was brought in.")
    ] = ""
    provider: Annotated[str, _option("Only what this provider made.")] = ""
    model: Annotated[str, _option("Only what this model made, by its whole name.")] = ""
    template: Annotated[str, _option("Only what was made by this template.")] = ""
    status: Annotated[
        str,
        _option(
            "completed (what is in the library), or work that is not: pending, processing, "
            "failed or unknown."
        ),
    ] = ""
    tag: Annotated[str, _option("Only what bears this tag.")] = ""
    collection: Annotated[
        str, _option("Only what is in this collection (col_...), or in one within it.")
    ] = ""
    favourite: Annotated[bool, Parameter(help="Only favourites.", **_FLAG)] = False
    rating: Annotated[int, _option("Only what is rated as high, 1 to 5.")] = 0
    colour: Annotated[str, _option("Only pictures in which this colour stands out.")] = ""
    shape: Annotated[str, _option("Only square, landscape, portrait, or a ratio as 16:9.")] = ""
    since: Annotated[
        str,
        _option(
            "Only what was filed at this moment or later, such as 2026-12-31; a time is in UTC "
            "unless it bears its offset."
        ),
    ] = ""
    until: Annotated[
        str, _option("Only what was filed up to the end of this day, or before this moment.")
    ] = ""
    least_bytes: Annotated[int | None, _option("Only files of so many bytes or more.")] = None
    most_bytes: Annotated[int | None, _option("Only files of so many bytes or fewer.")] = None
    least_width: Annotated[int | None, _option("Only so wide or wider, in pixels.")] = None
    least_height: Annotated[int | None, _option("Only so high or higher, in pixels.")] = None
    least_credits: Annotated[str, _option("Only what cost so many credits or more.")] = ""
    most_credits: Annotated[str, _option("Only what cost so many credits or fewer.")] = ""

    def filters(self, words: str = "", *, trashed: bool = False) -> Filters:
        """Return the filters that were asked for.

        Raises:
            InvalidRequest: one of them is not right.
        """
        return Filters(
            words=words,
            kind=self.kind,
            module=self.module,
            operation=self.operation,
            provider=self.provider,
            model=self.model,
            template=self.template,
            status=self.status,
            tag=self.tag,
            collection=self.collection,
            favourite=True if self.favourite else None,
            rating=self.rating,
            colour=self.colour,
            shape=self.shape,
            since=moment("since", self.since),
            until=moment("until", self.until, end=True),
            least_bytes=self.least_bytes,
            most_bytes=self.most_bytes,
            least_width=self.least_width,
            least_height=self.least_height,
            least_credits=_amount("least_credits", self.least_credits),
            most_credits=_amount("most_credits", self.most_credits),
            trashed=trashed,
        )


NOTHING = Choice()
"""No option at all."""


def _amount(field: str, text: str) -> int | None:
    return money.parse(text, field=field) if text else None
