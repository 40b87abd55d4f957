"""Answers to orders: a picture, where one is, or under what name it can be asked for later."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from providers.http import Reply
from providers.huggingface import errors
from providers.huggingface.calls import Call, Order
from providers.huggingface.errors import Redact
from providers.huggingface.routes import (
    FAL,
    HF_INFERENCE,
    NAME,
    NSCALE,
    REPLICATE,
    TOGETHER,
    WAVESPEED,
)
from providers.huggingface.tickets import Remote, is_id, is_path
from providers.pictures import from_base64
from studio.errors import BadResponse, ProviderError

_APP_PARTS = 2
"""Parts of a fal model's id that name its app; its queue's paths have no more of it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A picture that is made.

    Attributes:
        file: its bytes, or the URL (also a ``data:`` one) at which they are.
        unflagged: whether nobody said that it is fit to be shown.
    """

    file: bytes | str
    unflagged: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order.

    Attributes:
        remote: how its work is collected, and what a delivery tells of it.
        made: the picture, where the answer has it already.
    """

    remote: Remote
    made: Made | None = None


def read_answer(redact: Redact, order: Order, call: Call, reply: Reply) -> Answer:
    """Return what came of an order.

    Raises:
        ContentBlocked: the picture was made, is billed, and is not to be shown.
        BadResponse: it is not what was ordered; it may have been bought.
    """
    facts = Remote("file", "", order.id, reply.request_id, call.seed, call.asked)
    try:
        if order.route.provider == HF_INFERENCE:
            return Answer(facts, _bytes(reply))
        body = reply.json()
        if not isinstance(body, dict):
            raise _bad("is no JSON object")
        if order.route.provider == FAL and _is_queued(order):
            path = _queue_path(order.id, body)
            return Answer(dataclasses.replace(facts, kind="fal", place=path))
        return _READERS[order.route.provider](redact, facts, body)
    except ProviderError as error:
        if reply.request_id:
            error.details.setdefault("request_id", reply.request_id)
        error.details.setdefault("status", reply.status)
        raise


def _is_queued(order: Order) -> bool:
    return order.route.queue or order.operation.operation != "generate"


def _bytes(reply: Reply) -> Made:
    """Return the body, which is the picture: what is no picture is found out when it is read."""
    if reply.media_type == "application/json":
        raise _bad("is JSON where a picture should be")
    return Made(reply.body)


def _queue_path(model: str, body: Mapping[str, Any]) -> str:
    """Return the path at fal's queue under which the work can be asked for.

    It is taken from ``response_url``, whose host is never asked: our token belongs to the router.
    It may differ from the model's id, so that is only used where the URL cannot be.
    """
    url, identifier = body.get("response_url"), body.get("request_id")
    path = _path_of(url)
    if path:
        return path
    if is_id(identifier):
        app = "/".join(model.split("/")[:_APP_PARTS])
        path = f"/{app}/requests/{identifier}"
        if is_path(path):
            return path
    raise _bad("names no request by which the work can be asked for")


def _path_of(url: object) -> str:
    try:
        path = urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:
        return ""
    return path if is_path(path) else ""


def _fal(redact: Redact, facts: Remote, body: Mapping[str, Any]) -> Answer:
    del redact
    return Answer(facts, fal_picture(body))


def fal_picture(body: Mapping[str, Any]) -> Made:
    """Return the picture of fal's result.

    Raises:
        ContentBlocked: it is flagged: a black picture was made, and billed.
        BadResponse: there is none.
    """
    flags = body.get("has_nsfw_concepts")
    known = isinstance(flags, list) and bool(flags)
    if known and any(flags or []):
        raise errors.blocked("fal flags the picture as unsafe (has_nsfw_concepts)", billed=True)
    pictures = body.get("images")
    first = pictures[0] if isinstance(pictures, list) and pictures else body.get("image")
    return Made(_url(first), unflagged=not known)


def fal_cutout(body: Mapping[str, Any]) -> Made:
    """Return the picture of fal's background removal; it is not judged by what it shows."""
    return Made(_url(body.get("image")))


def _replicate(redact: Redact, facts: Remote, body: Mapping[str, Any]) -> Answer:
    """Read a prediction; without an output after 60 seconds it is still at work, or failed."""
    identifier = body.get("id")
    if is_id(identifier):
        name = str(identifier)
        facts = dataclasses.replace(facts, kind="replicate", place=name, request=name)
    made = replicate_picture(redact, body)
    if made is None and not is_id(identifier):
        raise _bad("has neither an output nor an id by which the work can be asked for")
    return Answer(facts, made)


def replicate_picture(redact: Redact, body: Mapping[str, Any]) -> Made | None:
    """Return the picture of a prediction; ``None`` while there is none.

    Raises:
        ContentBlocked: Replicate's filter refused.
        BadResponse: it failed. Whether that is charged for is not confirmed.
    """
    status = body.get("status")
    if status in {"failed", "canceled", "aborted"}:
        words = errors.short(redact(str(body.get("error") or "no reason given")))
        if errors.is_blocked(words):
            raise errors.blocked(words, billed=None)
        raise BadResponse(
            f"Replicate ended the work as {status}: {words}. Whether it charges for that is not "
            "documented; Hugging Face's billing page tells.",
            provider=NAME,
            says=words,
        )
    output = body.get("output")
    if isinstance(output, list):
        output = output[0] if output else ""
    if output is None and status != "succeeded":
        return None
    return Made(_url(output))


def _wavespeed(redact: Redact, facts: Remote, body: Mapping[str, Any]) -> Answer:
    del redact
    data = body.get("data")
    identifier = data.get("id") if isinstance(data, dict) else None
    if not is_id(identifier):
        raise _bad("names no prediction by which the work can be asked for")
    return Answer(dataclasses.replace(facts, kind="wavespeed", place=str(identifier)))


def _base64(redact: Redact, facts: Remote, body: Mapping[str, Any]) -> Answer:
    """Read the answer of OpenAI's kind; a URL is taken too, though base64 was asked for."""
    del redact
    data = body.get("data")
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        raise _bad("holds no picture")
    if first.get("b64_json") is None and first.get("url"):
        return Answer(facts, Made(_url(first)))
    return Answer(facts, Made(from_base64(NAME, first.get("b64_json"))))


def _url(named: object) -> str:
    """Return a file's URL, given as such or as an object that has it."""
    url = named.get("url") if isinstance(named, dict) else named
    if not isinstance(url, str) or not url:
        raise _bad("names no picture")
    return url


def _bad(words: str) -> BadResponse:
    return BadResponse(
        f"The answer to a request for work {words}. It may have been bought.", provider=NAME
    )


_READERS: Mapping[str, Callable[[Redact, Remote, Mapping[str, Any]], Answer]] = {
    FAL: _fal,
    REPLICATE: _replicate,
    TOGETHER: _base64,
    NSCALE: _base64,
    WAVESPEED: _wavespeed,
}
