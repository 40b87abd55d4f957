"""Counting what was delivered, wherever it was."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from engine.studio import Studio
from library import Use, count_uses

_log = logging.getLogger(__name__)


def note_uses(studio: Studio, uses: Sequence[Use]) -> None:
    """Count deliveries that have happened; that they cannot be counted takes them from nobody."""
    try:
        waiting = [studio.commits.submit(count_uses, use) for use in uses]
        for answered in waiting:
            answered.result()
    except Exception:  # noqa: BLE001 - as said above
        assets = ", ".join(use.asset for use in uses[:10])
        _log.exception("deliveries of %s were not counted", assets)
