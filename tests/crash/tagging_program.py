"""The program that is killed while a machine tags what arrived: forked anew for every point."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from engine.autotag import tag_arrivals
from engine.studio import Studio
from providers import Delivery, Offer, Request
from tests.crash.forking import Points, fork_for_each
from tests.support.providers import book
from tests.support.studios import make_studio
from tests.unit.engine.test_tagging import Teller

SENT = "sent.log"


class Listed(Teller):
    """Writes down which picture it was asked about, as a provider's bill would.

    Args:
        home: the studio's folder, in which the list is.
        points: come by before the answer, when it is asked already.
    """

    def __init__(self, home: Path, points: Points) -> None:
        super().__init__()
        self._list = home / SENT
        self._points = points

    async def _submit(self, offer: Offer, request: Request) -> Delivery:
        with self._list.open("a") as file:
            file.write(f"{sha256(request.files['image']).hexdigest()}\n")
        self._points.pass_by()
        return await super()._submit(offer, request)


def opened(home: Path, points: Points) -> Studio:
    """Open the studio whose pictures it tells of."""
    providers = {"instant": Listed(home, points)}
    return make_studio(home, providers=providers, prices=book(instant=1))


def run(home: str, kill: int) -> None:
    """Tag what arrived, and be killed on the way."""
    points = Points(kill)
    studio = opened(Path(home), points)
    Path.replace = points.around(Path.replace)  # type: ignore[method-assign]
    dialect = studio.database.engine.dialect
    dialect.do_commit = points.around(dialect.do_commit)  # type: ignore[method-assign]
    tag_arrivals(studio, "run-1")
    os._exit(0)


if __name__ == "__main__":
    fork_for_each(run)
