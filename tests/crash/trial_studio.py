"""The studio of the kill trials: what they look into, and what the processes they kill work in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.studio import Studio
from tests.crash.trial_words import WIDTH
from tests.support.providers import PaidProvider, book
from tests.support.studios import make_studio


def open_trial_studio(home: Path, url: str, **settings: Any) -> Studio:
    """Open a studio that buys of the server at ``url``; the caller closes it.

    Its pictures are collected later: who is killed finds them again by the provider's own id.
    """
    paid = PaidProvider(url, ticketed="painter")
    return make_studio(home, "", {"paid": paid}, book(paid=1), width=WIDTH, **settings)


@contextmanager
def trial_studio(home: Path, url: str) -> Iterator[Studio]:
    """Open the studio of a trial for a while, beside those who work in it."""
    studio = open_trial_studio(home, url)
    try:
        yield studio
    finally:
        studio.close()
