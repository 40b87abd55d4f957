"""Counting what was delivered, wherever it was."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from engine.studio import Studio
from library import Use, count_uses

_log = logging.getLogger(__name__)


def note_uses(studio: Studio, uses: Iterable[Use]) -> None:
    """Count deliveries that have happened; that one cannot be counted takes it from nobody."""
    waiting = [(use, studio.commits.submit(count_uses, use)) for use in uses]
    for use, answered in waiting:
        try:
            answered.result()
        except Exception:  # noqa: BLE001 - as said above
            _log.exception("a delivery of %s was not counted", use.asset)
