"""What Gemini answers with HTTP 200: a picture, a text, or a refusal in one of many shapes.

Three kinds of finish reasons, by Google's SDK (read 2026-11-22): refused by moderation, made no
picture, cut short. A whole picture that is there is delivered whatever the reason, unless
moderation gave it: it is paid for.

What a refusal costs: prompts that are blocked outright count no output and are free; where output
or thoughts were counted, they are billed. ``usageMetadata`` tells which. Of an answer without what
was ordered (no picture, words instead of one, cut short) nobody can take the words back, and what
it came to is told with the error: it is not asked again by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from providers.contract import Delivery, Output
from providers.gemini.costs import Usage, read_usage
from providers.gemini.models import NAME, model_of, tier_of
from providers.gemini.texts import plain, text_output
from providers.http import Reply
from providers.offers import Offer
from providers.pictures import from_base64, picture_output
from providers.redaction import Redactor
from studio import imaging
from studio.clock import now
from studio.errors import BadResponse, ContentBlocked, PictureRefused, ProviderError
from studio.operations import Operation

REFUSED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
    }
)
"""Finish reasons of moderation."""
CUT_SHORT = frozenset({"MAX_TOKENS", "CONTINUATION"})
"""Finish reasons of an answer that goes on."""

_WORDS = 600
"""Characters of its words that are kept."""
_NAME = 120
"""Characters of an id or a name that are kept."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the answer: words, or a picture in base64."""

    text: str
    picture: object
    thought: bool


class Answer:
    """An answer of status 200, taken apart; nothing in it is trusted to be of its shape.

    Args:
        offer: what was asked.
        said: the body.
        redact: takes keys out of texts.
    """

    def __init__(self, offer: Offer, said: object, redact: Redactor) -> None:
        self.offer = offer
        self._redact = redact
        self._said = _object(said)
        candidates = self._said.get("candidates")
        self._has_candidate = isinstance(candidates, list) and bool(candidates)
        self._candidate = (
            _object(candidates[0]) if isinstance(candidates, list) and candidates else {}
        )
        self.parts = _parts(self._candidate)

    @property
    def finish(self) -> str:
        """Why it ended, in its word; empty if it does not say."""
        return self._words_of(self._candidate.get("finishReason"), _NAME)

    @property
    def block(self) -> str:
        """Why the prompt was blocked before anything was made; empty if it was not."""
        feedback = _object(self._said.get("promptFeedback"))
        reason = self._words_of(feedback.get("blockReason"), _NAME)
        return "" if self.pictures or self.text else reason

    @property
    def pictures(self) -> Sequence[object]:
        """The finished pictures in base64; drafts of a thinking model are not among them."""
        return [part.picture for part in self.parts if part.picture and not part.thought]

    @property
    def text(self) -> str:
        """What it wrote, thoughts left out."""
        return "".join(part.text for part in self.parts if not part.thought)

    @property
    def words(self) -> str:
        """What it said to a person: its text, or its message on why it ended."""
        feedback = _object(self._said.get("promptFeedback"))
        told = self.text, self._candidate.get("finishMessage"), feedback.get("blockReasonMessage")
        return next((words for each in told if (words := self._words_of(each, _WORDS))), "")

    @cached_property
    def usage(self) -> Usage | None:
        """The tokens that it counted; ``None`` if it does not tell."""
        return read_usage(self._said.get("usageMetadata"), tier_of(self.offer), len(self.pictures))

    @cached_property
    def cost(self) -> int | None:
        """What it came to, in micro-credits; ``None`` if nobody can tell."""
        if self.usage is None:
            return None
        return self.usage.cost(model_of(self.offer), now().date())

    @property
    def model(self) -> str:
        """The model that it says it was made by."""
        return self._words_of(self._said.get("modelVersion"), _NAME) or self.offer.model

    def facts(self) -> dict[str, Any]:
        """Return what is worth keeping with whatever comes of it."""
        status = _object(self._said.get("modelStatus"))
        retires = self._words_of(status.get("retirementTime"), _NAME)
        return {
            "request_id": self._words_of(self._said.get("responseId"), _NAME),
            "model_id": self.model,
            "finish_reason": self.finish or self.block,
            "usage": _told(self.usage),
            **({"retirement_time": retires} if retires else {}),
        }

    def drafts_only(self) -> bool:
        """Whether there are pictures, but only such as it drew while it was thinking."""
        return not self.pictures and any(part.picture for part in self.parts)

    def nothing_at_all(self) -> bool:
        """Whether there is not even an empty answer."""
        return not self._has_candidate

    def _words_of(self, value: object, most: int) -> str:
        return self._redact(plain(value))[:most] if isinstance(value, str) else ""


def read_delivery(
    offer: Offer, operation: Operation, reply: Reply, asked: Mapping[str, Any], redact: Redactor
) -> Delivery:
    """Return what was delivered; a picture is decoded once to see that it is whole.

    Args:
        asked: what was chosen in the request, to be kept with the facts.

    Raises:
        ContentBlocked: moderation refused; ``billed`` says whether that was billed.
        BadResponse: it is not what was ordered.
    """
    answer = Answer(offer, reply.json(), redact)
    try:
        output = _text(operation, answer) if offer.kind == "text" else _picture(answer)
    except ProviderError as error:
        # What it came to is known even if nothing came of it.
        error.details |= {"status": reply.status, **answer.facts(), "cost": answer.cost}
        error.details.setdefault("words", answer.words)
        raise
    return Delivery(
        outputs=(output,),
        model=answer.model,
        method=f"{model_of(offer).name} of Google Gemini ({offer.model})",
        seed=asked.get("seed"),
        cost=answer.cost,
        facts={**answer.facts(), "asked": dict(asked), **_said_beside(offer, answer)},
    )


def _said_beside(offer: Offer, answer: Answer) -> dict[str, str]:
    return {"words": answer.words} if offer.kind == "picture" and answer.words else {}


def _picture(answer: Answer) -> Output:
    _check_refusal(answer)
    if not answer.pictures:
        raise _no_picture(answer)
    # A thinking model may finish more than one; the last is what it arrived at.
    data = from_base64(NAME, answer.pictures[-1])
    # By the bytes: JPEG is sent as image/png (googleapis/python-genai, issue 1824).
    output = picture_output(NAME, data)
    try:
        imaging.open_picture(data)
    except PictureRefused as error:
        raise BadResponse(
            f"Gemini delivered a picture that is broken: {error.message}", provider=NAME
        ) from error
    return output


def _text(operation: Operation, answer: Answer) -> Output:
    _check_refusal(answer)
    if answer.finish in CUT_SHORT:
        raise _bad(f"Gemini's answer was cut short ({answer.finish}) and is of no use")
    if not answer.text.strip():
        raise _bad(f"Gemini answered without a text ({answer.finish or 'no reason told'})")
    return text_output(operation, answer.text)


def _check_refusal(answer: Answer) -> None:
    reason = answer.block or (answer.finish if answer.finish in REFUSED else "")
    if not reason:
        return
    billed = answer.usage is not None and answer.usage.made
    said = f": {answer.words}" if answer.words else ""
    money = "What it did before is billed" if billed else "Nothing is billed"
    raise ContentBlocked(
        f"Gemini's moderation refused ({reason}{said}). {money}; change the words or the pictures "
        "before asking again.",
        provider=NAME,
        billed=billed,
    )


def _no_picture(answer: Answer) -> BadResponse:
    """Say which of the ways to make no picture it was."""
    words = f" It says: {answer.words}" if answer.words else ""
    reason = answer.finish or "no reason told"
    if answer.nothing_at_all():
        return _bad("Gemini answered with no candidate and no reason")
    if answer.finish in CUT_SHORT:
        return _bad(f"Gemini used up its tokens before the picture was there ({reason}).{words}")
    if answer.drafts_only():
        return _bad(f"Gemini sent drafts, but no finished picture ({reason}).{words}")
    if answer.text:
        return _bad(f"Gemini answered in words, without a picture ({reason}).{words}")
    return _bad(f"Gemini made no picture ({reason}).{words}")


def _bad(what: str) -> BadResponse:
    end = "" if what.endswith((".", "!", "?")) else "."
    return BadResponse(f"{what}{end} It is not asked again by itself.", provider=NAME)


def _parts(candidate: Mapping[str, Any]) -> tuple[_Part, ...]:
    parts = _object(candidate.get("content")).get("parts")
    return tuple(_part(_object(part)) for part in (parts if isinstance(parts, list) else ()))


def _part(said: Mapping[str, Any]) -> _Part:
    text = said.get("text")
    return _Part(
        text=text if isinstance(text, str) else "",
        picture=_object(said.get("inlineData")).get("data"),
        thought=said.get("thought") is True,
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _told(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "prompt": usage.prompt,
        "image": usage.image,
        "text": usage.text,
        "image_told": usage.told,
    }
