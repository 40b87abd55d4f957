"""What a tag job told of its picture, taken down where the job is settled: both or neither.

A text is an asset of its own as well, as everything is that was made. Whatever is wrong with what
was told, the job is settled: it is paid for.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from engine.jobs import Job
from library.suggesting import MOST_SUGGESTED, Told, suggest
from studio.errors import StudioError

_log = logging.getLogger(__name__)

_LONGEST = 2_000
_MOST_COLOURS = 12
_THOUSAND = 1_000


def read_told(data: bytes) -> dict[str, Any]:
    """Return what a tag job's text tells, within bounds, as JSON values for the job's row."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    told: dict[str, Any] = {
        "caption": _text(found.get("caption"))[:_LONGEST],
        "tags": _texts(found.get("tags"))[:MOST_SUGGESTED],
        "colours": _texts(found.get("colors"))[:_MOST_COLOURS],
    }
    safe, faces = found.get("safe_for_work"), _whole(found.get("faces"))
    told |= {"safe": safe} if isinstance(safe, bool) else {}
    return told | ({"faces": faces} if faces is not None else {})


def tell(connection: Connection, jobs: Iterable[Job]) -> None:
    """Take down what the tag jobs among ``jobs`` told, in the transaction of their settlement."""
    for job in jobs:
        if job.operation.get("operation") != "tag" or job.delivery is None:
            continue
        told = _told(job)
        if told is None:
            continue
        try:
            with connection.begin_nested():
                suggest(connection, told)
        except (StudioError, DatabaseError):
            _log.exception("job %s: what it told could not be taken down", job.id)


def _told(job: Job) -> Told | None:
    delivery: Mapping[str, Any] = job.delivery or {}
    said = delivery.get("told") or {}
    picture = next((each for each in job.inputs() if each.field == "image"), None)
    if picture is None or not said:
        return None
    facts: Mapping[str, Any] = delivery.get("facts") or {}
    likely = facts.get("likely")
    likely = likely if isinstance(likely, dict) else {}
    return Told(
        owner=job.owner,
        asset=picture.asset,
        source=job.offer,
        job=job.id,
        caption=said["caption"],
        tags={word: _thousandths(likely.get(word)) for word in said["tags"]},
        colours=said["colours"],
        faces=_whole(facts.get("faces", said.get("faces"))),
        safe=said.get("safe"),
        safe_confidence=_thousandths(facts.get("safe_confidence")),
    )


def _thousandths(value: Any) -> int | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return round(max(0.0, min(1.0, value)) * _THOUSAND) if number else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: Any) -> str:
    return value.replace("\0", "") if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [_text(each) for each in value if _text(each)] if isinstance(value, list) else []
