"""What answers of the hub, the router and the inference providers behind it stand for.

An error body has one of many shapes: Hugging Face's own ones, or whatever the inference provider
said. The words are found in all of them; what they mean is told by the status, and by words only
where a status has two meanings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from providers.http import Reply
from providers.huggingface.routes import NAME
from studio.errors import (
    AuthFailed,
    ContentBlocked,
    ModelRetired,
    OutcomeUnknown,
    PaymentRequired,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
    TooLarge,
)

Redact = Callable[[str], str]

PASSING = frozenset({408, 409, 425, 429, 499})
"""Refusals of a question that time mends."""

_SERVER_ERROR = 500
_BAD_REQUEST, _NO_KEY, _NO_MONEY, _FORBIDDEN, _NOT_FOUND = 400, 401, 402, 403, 404
_TOO_LARGE, _INVALID, _TOO_OFTEN, _UNAVAILABLE = 413, 422, 429, 503
_GONE = frozenset({404, 405, 410})
_MAYBE_BEGUN = frozenset({408, 409, 425, 499})
"""Refusals that tell nothing of what was begun: time ran out on the way, or it is there twice."""
_LONGEST_WORDS = 300
_LONGEST_WAIT = 3_600.0
"""Seconds; a time to wait beyond it is not believed."""
_MOST_PROBLEMS = 5

_HTML = re.compile(r"\s*<(?:!doctype|html|head|body)", re.IGNORECASE)
_UNMAPPED = re.compile(
    r"model_not_supported|not supported by (?:provider|any provider)|does not exist", re.IGNORECASE
)
_BROKE = re.compile(r"NOT_ENOUGH_BALANCE|insufficient (?:balance|credit|funds)", re.IGNORECASE)
"""What an inference provider says of the account (huggingface/hub-docs #2392)."""
_LOADING = re.compile(r"(?:currently|still|is) loading", re.IGNORECASE)
_BLOCKED = re.compile(
    r"nsfw|content[ _]policy|content[ _]moderation|flagged|moderated|safety (?:checker|filter)",
    re.IGNORECASE,
)
_IETF = re.compile(r";\s*t=(\d{1,6})")
"""The time until a limit is lifted, in a ``RateLimit`` header; the hub's client reads it so."""

_FIELDS: Mapping[str, str] = {
    "inputs": "prompt",
    "messages": "prompt",
    "image_url": "image",
    "image_urls": "image",
    "images": "image",
    "input_image": "image",
    "input_images": "image",
    "reference_images": "image",
    "image_size": "width",
    "size": "width",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
}
"""Names of fields out there, where the studio has others."""
_SAME = frozenset(
    {"prompt", "negative_prompt", "image", "width", "height", "seed", "steps", "guidance"}
)


def of_order(redact: Redact, reply: Reply) -> ProviderError | None:
    """Return the error of an answer to a request for work; ``None`` for one that is none.

    Only answers of 2xx and 3xx are billed (Inference Providers' documentation on pricing), so a
    refusal bought nothing. A 5xx may have begun the work all the same; the one that is documented
    as "not started" is a 503 of a model that is being loaded.
    """
    if reply.ok:
        return None
    words = words_of(redact, reply)
    if reply.status == _UNAVAILABLE and (seconds := _loading(reply, words)) is not None:
        return ProviderUnavailable(
            f"The model is being loaded at Hugging Face: {words}. Nothing was bought; try again.",
            provider=NAME,
            says=words,
            again=True,
            retry_after=seconds or None,
        )
    if reply.status >= _SERVER_ERROR or reply.status in _MAYBE_BEGUN or reply.status < _BAD_REQUEST:
        return OutcomeUnknown(
            f"Hugging Face answered {reply.status} to a request for work: {words}. It may have "
            "been bought; its billing page tells.",
            provider=NAME,
            says=words,
        )
    return _of_refusal(reply, words)


def of_question(redact: Redact, reply: Reply) -> ProviderError | None:
    """Return the error of an answer to something that buys nothing: a poll, a look-up."""
    if reply.ok:
        return None
    words = words_of(redact, reply)
    if reply.status == _TOO_OFTEN:
        return _of_refusal(reply, words)
    if reply.status >= _SERVER_ERROR or reply.status in PASSING:
        return ProviderUnavailable(
            f"Hugging Face answered {reply.status}: {words}. Nothing was bought by asking.",
            provider=NAME,
            says=words,
            again=True,
        )
    return _of_refusal(reply, words)


def _of_refusal(reply: Reply, words: str) -> ProviderError:
    """Return the error of a 4xx; nothing was begun."""
    status = reply.status
    if status in {_NO_MONEY, _FORBIDDEN, _BAD_REQUEST} and _BROKE.search(words):
        status = _NO_MONEY
    if status in _SENTENCES:
        cls, sentence = _SENTENCES[status]
        error = cls(f"{sentence}: {words}.", provider=NAME, says=words)
        if status == _TOO_OFTEN:
            error.details["retry_after"] = _retry_after(reply)
        return error
    if status in _GONE or (status == _BAD_REQUEST and _unmapped(reply, words)):
        return ModelRetired(
            f"The inference provider does not serve this model (any more): {words}.",
            provider=NAME,
            field="model",
            says=words,
        )
    if _BLOCKED.search(_evidence(reply, words)):
        return blocked(words, billed=False)
    return ProviderRejected(
        f"Hugging Face refused the request ({reply.status}): {words}.",
        provider=NAME,
        field=_field(reply),
        says=words,
    )


_SENTENCES: Mapping[int, tuple[type[ProviderError], str]] = {
    _NO_KEY: (AuthFailed, "Hugging Face did not accept the token"),
    _NO_MONEY: (
        PaymentRequired,
        "The account at Hugging Face has no credits left (or set STUDIO_HUGGINGFACE_BILL_TO)",
    ),
    _FORBIDDEN: (
        AuthFailed,
        "Hugging Face forbids this to the token (it needs to make calls to Inference Providers)",
    ),
    _TOO_LARGE: (TooLarge, "Hugging Face calls the request too large"),
    _TOO_OFTEN: (RateLimited, "Hugging Face was asked too often"),
}


def blocked(words: str, *, billed: bool | None) -> ContentBlocked:
    """Return the error of moderation."""
    bill = {True: "It was billed", False: "It is not billed", None: "It may have been billed"}
    return ContentBlocked(
        f"Moderation refused: {words}. {bill[billed]}.", provider=NAME, billed=billed, says=words
    )


def is_blocked(words: str) -> bool:
    """Say whether an inference provider's words for a failure speak of moderation."""
    return _BLOCKED.search(words) is not None


def short(words: str) -> str:
    """Return words on one line, without a full stop and not too many of them."""
    line = " ".join(words.split()).rstrip(".")
    return line if len(line) <= _LONGEST_WORDS else f"{line[: _LONGEST_WORDS - 1]}…"


def words_of(redact: Redact, reply: Reply) -> str:
    """Return what an error answer says, in the order in which the hub's own client looks."""
    body = _body(reply)
    found = next((text for text in _texts(body) if text.strip()), "")
    told = str(reply.headers.get("x-error-message", ""))
    if not found and not told and body is None and not _is_html(reply):
        found = reply.text()
    words = found or told or f"no words, {reply.media_type or 'an unknown kind'}"
    return short(redact(words))


def _texts(body: Any) -> Iterator[str]:
    """Yield the texts of an error body: the first that is not empty is the one."""
    if not isinstance(body, dict):
        return
    error = body.get("error")
    if isinstance(error, str):
        yield error
    if isinstance(error, list):
        yield _joined(error)
    if isinstance(error, dict):
        yield str(error.get("message") or "")
    yield _joined(body.get("errors"))
    yield _joined(body.get("detail"))
    message = body.get("message")
    yield message if isinstance(message, str) else ""


def _joined(value: Any) -> str:
    """Return a text, or the texts of a list of texts or of problems."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return str(value.get("message") or value.get("msg") or "")
    if not isinstance(value, list):
        return ""
    return "; ".join(filter(None, (_problem(each) for each in value[:_MOST_PROBLEMS])))


def _problem(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    text = str(value.get("message") or value.get("msg") or "")
    place = _place(value)
    return f"{place}: {text}" if place and text else text


def _place(problem: Mapping[str, Any]) -> str:
    """Return the field that a problem names: the last name of its ``loc``."""
    places = problem.get("loc")
    names = [each for each in places if isinstance(each, str)] if isinstance(places, list) else []
    return names[-1] if names else ""


def _field(reply: Reply) -> str | None:
    """Return the studio's name of the field that is at fault, where the answer names one."""
    body = _body(reply)
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    named = str(error.get("param") or "") if isinstance(error, dict) else ""
    problems = body.get("detail")
    if isinstance(problems, list):
        for each in problems:
            if isinstance(each, dict):
                places = each.get("loc")
                path = places if isinstance(places, list) else []
                named = named or next((str(p) for p in path if _known(p)), "")
    return _known(named) or None


def _known(name: object) -> str:
    text = str(name)
    return _FIELDS.get(text, text if text in _SAME else "")


def _unmapped(reply: Reply, words: str) -> bool:
    return _UNMAPPED.search(_evidence(reply, words)) is not None


def _evidence(reply: Reply, words: str) -> str:
    """Return the words with the codes and types beside them."""
    body = _body(reply)
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else ""
    problems = body.get("detail") if isinstance(body, dict) else None
    types = (
        [str(each.get("type", "")) for each in problems if isinstance(each, dict)]
        if isinstance(problems, list)
        else []
    )
    return " ".join([words, str(code or ""), str(reply.headers.get("x-error-code", "")), *types])


def _loading(reply: Reply, words: str) -> float | None:
    """Return the seconds until a model that is being loaded is there; ``None`` if none is."""
    body = _body(reply)
    told = body.get("estimated_time") if isinstance(body, dict) else None
    known = isinstance(told, int | float) and not isinstance(told, bool)
    if not known and not _LOADING.search(words):
        return None
    return min(max(float(told), 0.0), _LONGEST_WAIT) if known and told is not None else 0.0


def _retry_after(reply: Reply) -> float | None:
    """Return the seconds told: by ``Retry-After``, or by the IETF's ``RateLimit``."""
    told = str(reply.headers.get("retry-after", "")).strip()
    if not told.isdecimal():
        found = _IETF.search(str(reply.headers.get("ratelimit", "")))
        told = found[1] if found else ""
    return min(float(told), _LONGEST_WAIT) if told else None


def _body(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _is_html(reply: Reply) -> bool:
    return "html" in reply.media_type or _HTML.match(reply.text()) is not None
