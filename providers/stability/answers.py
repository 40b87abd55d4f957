"""What Stability AI delivers: a picture as bytes or inside JSON, or a 3D model.

A refused picture comes as HTTP 200, blurred, and is billed: only ``finish-reason`` tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from providers.contract import Delivery, Output
from providers.http import Reply
from providers.offers import Offer
from providers.pictures import from_base64, picture_output
from providers.stability.forms import NAME
from studio import media
from studio.errors import BadResponse, ContentBlocked, PictureRefused, shorten

_DONE = "SUCCESS"
_FILTERED = "CONTENT_FILTERED"
_LARGEST_SEED = 4_294_967_295
_ID = re.compile(r"[A-Za-z0-9_-]{8,200}")
"""Documented are 64 hexadecimal digits; what is paid for is not lost for looking otherwise. No
character of it means anything in a URL."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A delivered file and what is said of it; both ways to say it are read."""

    data: bytes
    reason: str
    seed: int | None


def read_id(reply: Reply) -> str:
    """Return the id under which a result can be collected.

    Raises:
        BadResponse: there is none; the work may have been bought all the same.
    """
    with _told_of(reply):
        identifier = _json(reply).get("id")
        if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
            raise _bad("took the work, but gave no id to collect it by")
        return identifier


def is_pending(reply: Reply) -> bool:
    """Whether the answer to a question for a result is "not yet"."""
    if reply.status == 202:  # noqa: PLR2004 - its status for that
        return True
    return reply.body[:1] == b"{" and _json(reply).get("status") == "in-progress"


def read_delivery(offer: Offer, reply: Reply, facts: Mapping[str, Any]) -> Delivery:
    """Return what was delivered, decoded once to see that it is whole. It takes a while.

    Raises:
        ContentBlocked: the picture was refused after it was made; it is billed.
        BadResponse: it is not what was ordered.
    """
    with _told_of(reply):
        return _delivery(offer, reply, facts)


@contextmanager
def _told_of(reply: Reply) -> Iterator[None]:
    """Have errors say of which answer they speak."""
    try:
        yield
    except BadResponse as error:
        error.details.setdefault("status", reply.status)
        error.details.setdefault("request_id", reply.request_id)
        raise


def _delivery(offer: Offer, reply: Reply, facts: Mapping[str, Any]) -> Delivery:
    answer = _read(reply)
    if answer.reason == _FILTERED:
        raise ContentBlocked(
            "Stability made the picture, but its moderation blurred it. It is billed; "
            "change the prompt or the picture before asking again.",
            provider=NAME,
            billed=True,
            finish_reason=answer.reason,
            request_id=reply.request_id,
        )
    if answer.reason not in {"", _DONE}:
        raise _bad("delivered with a finish reason that is not known", answer.reason)
    output = _model(answer.data) if offer.kind == "model" else _picture(answer.data)
    return Delivery(
        outputs=(output,),
        model=offer.model,
        method=f"{offer.model} of Stability AI ({offer.route})",
        seed=answer.seed if answer.seed is not None else _seed(facts.get("asked", {}).get("seed")),
        facts={
            **facts,
            "request_id": reply.request_id,
            "model_id": offer.model,
            "finish_reason": answer.reason,
        },
    )


def _read(reply: Reply) -> _Answer:
    reason, seed = reply.headers.get("finish-reason", ""), reply.headers.get("seed", "")
    # A picture or model never begins so; the header may say anything.
    if reply.body[:1] != b"{":
        return _Answer(reply.body, reason, _seed(seed))
    said = _json(reply)
    reason = str(said.get("finish_reason") or reason)
    if reason != _FILTERED and "image" not in said:
        raise _bad("delivered JSON without a picture")
    data = b"" if reason == _FILTERED else from_base64(NAME, said["image"])
    return _Answer(data, reason, _seed(said.get("seed", seed)))


def _json(reply: Reply) -> Mapping[str, Any]:
    said = reply.json()
    if not isinstance(said, dict):
        raise _bad("delivered JSON that is no object")
    return said


def _seed(told: object) -> int | None:
    text = str(told)
    if not text.isascii() or not text.isdecimal() or int(text) > _LARGEST_SEED:
        return None
    return int(text)


def _picture(data: bytes) -> Output:
    return picture_output(NAME, data)


def _model(data: bytes) -> Output:
    try:
        found = media.look(data)
    except PictureRefused as error:
        raise _bad(f"delivered no usable 3D model: {error.message}") from error
    if found.media_type != "model/gltf-binary":
        raise _bad(f"delivered {found.media_type} where a 3D model was ordered")
    return Output(data, found.media_type)


def _bad(what: str, given: str = "") -> BadResponse:
    return BadResponse(
        f"{NAME} {what}. It may have been bought.",
        provider=NAME,
        given=shorten(given) if given else None,
    )
