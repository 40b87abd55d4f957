"""Gemini: HTTP 200 without what was ordered, in every shape; and what is delivered anyway."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from providers.gemini import GeminiProvider
from studio.errors import BadResponse, ContentBlocked, ProviderRejected
from tests.contract.cases import Case
from tests.contract.emulators.gemini import GeminiEmulator
from tests.contract.emulators.gemini_answers import BLOCK, FINISH
from tests.contract.gemini_kit import EDIT, ENHANCE, NANO, PRO, TAG, buy, fails

_REFUSED = (
    *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION"),
    "PUP_LIMITED_DISABLED",
)

Check = Callable[[GeminiEmulator, GeminiProvider], None]


def _case(name: str, check: Check, offer: str = NANO, operation: str = "generate") -> Case:
    return Case(offer, operation, "blocked", name, check)


def _refused(
    trick: str, reason: str, *, billed: bool, offer: str = NANO, operation: str = "generate"
) -> Case:
    """Moderation refused: that is said, and whether it was billed, as the emulator billed it."""

    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        emulator.tricks = trick
        error = fails(ContentBlocked, lambda: buy(provider, offer), bought=billed)
        assert error.details["billed"] is billed is bool(emulator.bills and _output(emulator))
        assert reason in error.message
        assert error.details["finish_reason"] == reason
        assert error.details["request_id"] == "resp-1"
        assert error.details["cost"] is not None
        if billed:
            assert error.details["cost"] == emulator.billed
        assert emulator.requests["generate"] == 1

    return _case(f"refused {trick}", check, offer, operation)


def _output(emulator: GeminiEmulator) -> bool:
    """Whether more was billed than the prompt alone."""
    (bill,) = emulator.bills
    return bill.amount > 150 * 100


def _nothing(
    trick: str, *words: str, offer: str = NANO, operation: str = "generate", cost: bool = True
) -> Case:
    """No picture: nobody knows whether it is billed, so it is not asked again by itself."""

    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        emulator.tricks = trick
        error = fails(BadResponse, lambda: buy(provider, offer), bought=None)
        for each in words:
            assert each in error.message
        assert emulator.requests["generate"] == 1
        assert error.details["status"] == 200
        assert error.details["cost"] == (emulator.billed if cost else None)

    return _case(f"nothing {trick}", check, offer, operation)


def _kept(trick: str, reason: str) -> Case:
    """A whole picture that is there is delivered, whatever it ended with: it is paid for."""

    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        emulator.tricks = trick
        delivery = buy(provider, NANO)
        assert delivery.outputs[0].media_type == "image/jpeg"
        assert delivery.facts["finish_reason"] == reason
        assert delivery.cost == emulator.billed

    return _case(f"delivered {trick}", check)


def _words_are_told(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    emulator.tricks = "[words]"
    error = fails(BadResponse, lambda: buy(provider, NANO), bought=None)
    assert "I would rather tell you about foxes." in error.message
    assert error.details["words"] == "I would rather tell you about foxes."


def _its_message_is_told(_: GeminiEmulator, provider: GeminiProvider) -> None:
    """Without what no database takes."""
    error = fails(
        ContentBlocked,
        lambda: buy(provider, NANO, prompt="a fox [finish=IMAGE_SAFETY]"),
        bought=True,
    )
    assert "Unable to show the generated image. (odd one)" in error.message


def _key_in_words(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """Whatever it says, a key is not repeated."""
    emulator.refusal = (400, "INVALID_ARGUMENT", f"key {emulator.key} may not")
    error = fails(ProviderRejected, lambda: buy(provider, NANO))
    assert "[key]" in error.message


def _last_picture_wins(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """A draft, a first one, the finished one: the last that is no draft is taken."""
    plain = buy(provider, PRO, prompt="a fox [png] ").outputs[0]
    for trick in ("[draft]", "[two]"):
        emulator.tricks = trick
        assert buy(provider, PRO, prompt="a fox [png] ").outputs[0] == plain
    assert emulator.twice != []  # the same request thrice, on purpose


def _mislabelled(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    emulator.tricks = "[png_label]"
    assert buy(provider, NANO).outputs[0].media_type == "image/jpeg"


def _no_details(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """Where it does not tell a picture's tokens, the table does."""
    emulator.tricks = "[no_details]"
    for tier in ("1k", "2k", "4k"):
        emulator.bills.clear()
        delivery = buy(provider, f"gemini/nano-banana-2.1/{tier}")
        assert delivery.cost == emulator.billed
        assert delivery.facts["usage"]["image_told"] is False


def _no_usage(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """What nobody tells is not guessed: the price of the offer holds."""
    for trick in ("[no_usage]", "[odd_usage]"):
        emulator.tricks = trick
        delivery = buy(provider, NANO)
        assert delivery.cost is None
        assert delivery.facts["usage"] is None


def _retires(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    emulator.tricks = "[retires]"
    assert buy(provider, NANO).facts["retirement_time"] == "2027-03-01T00:00:00Z"


def _odd_text(name: str, reply: str, words: str, offer: str = TAG, operation: str = "tag") -> Case:
    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        emulator.reply = reply
        error = fails(BadResponse, lambda: buy(provider, offer), bought=None)
        assert words in error.message
        assert error.details["cost"] == emulator.billed > 0

    return _case(name, check, offer, operation)


def _tags(**changes: Any) -> str:
    said = {"caption": "A fox.", "tags": ["fox"], "objects": [], "colors": []}
    return json.dumps({**said, **changes})


_TEXT: dict[str, Any] = {"offer": TAG, "operation": "tag"}
_ENHANCE: dict[str, Any] = {"offer": ENHANCE, "operation": "enhance_prompt"}

CASES = (
    *(_refused(f"[block={reason}]", reason, billed=False) for reason in BLOCK),
    *(_refused(f"[finish={reason}]", reason, billed=True) for reason in _REFUSED),
    *(_refused(f"[finish={reason}][free]", reason, billed=False) for reason in _REFUSED[:2]),
    _refused("[finish=IMAGE_SAFETY][kept]", "IMAGE_SAFETY", billed=True),
    _refused("[finish=SAFETY][no_content]", "SAFETY", billed=True),
    _refused("[block=SAFETY]", "SAFETY", billed=False, offer=EDIT, operation="edit"),
    _refused("[block=OTHER]", "OTHER", billed=False, **_TEXT),
    _refused("[finish=SAFETY]", "SAFETY", billed=True, **_TEXT),
    _refused("[finish=PROHIBITED_CONTENT]", "PROHIBITED_CONTENT", billed=True, **_ENHANCE),
    *(
        _nothing(f"[finish={reason}]", "made no picture", reason)
        for reason in ("NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE")
    ),
    _nothing("[finish=SOMETHING_NEW]", "made no picture", "SOMETHING_NEW"),
    _nothing("[finish=MAX_TOKENS]", "used up its tokens", "MAX_TOKENS"),
    _nothing("[finish=CONTINUATION]", "used up its tokens", "CONTINUATION"),
    _nothing("[words]", "answered in words", "STOP"),
    _nothing("[empty]", "no candidate"),
    _nothing("[no_list]", "no candidate"),
    _nothing("[empty][no_usage]", "no candidate", cost=False),
    _nothing("[no_content]", "made no picture", "STOP"),
    _nothing("[empty_content]", "made no picture", "STOP"),
    _nothing("[no_parts]", "made no picture", "STOP"),
    _nothing("[drafts]", "drafts, but no finished picture", "STOP"),
    _nothing("[not_base64]", "no base64"),
    _nothing("[words]", "answered in words", offer=EDIT, operation="edit"),
    _nothing("[finish=MAX_TOKENS]", "cut short (MAX_TOKENS)", **_TEXT),
    _nothing("[finish=MAX_TOKENS]", "cut short (MAX_TOKENS)", **_ENHANCE),
    _nothing("[empty]", "without a text", **_TEXT),
    _nothing("[no_content]", "without a text", **_TEXT),
    _kept("[finish=MAX_TOKENS][kept]", "MAX_TOKENS"),
    _kept("[finish=OTHER][kept]", "OTHER"),
    _kept("[two]", "MAX_TOKENS"),
    _case("its words are told", _words_are_told),
    _case("its message is told", _its_message_is_told),
    _case("a key in its words", _key_in_words),
    _case("the last picture wins", _last_picture_wins, PRO),
    _case("JPEG called PNG", _mislabelled),
    _case("no tokens of pictures told", _no_details),
    _case("no tokens told", _no_usage),
    _case("it tells its end", _retires),
    _odd_text("no JSON", "tags: fox", "no JSON"),
    _odd_text("a list", '["fox"]', "no object"),
    _odd_text("no tags", _tags(tags=[]), "found no tags"),
    _odd_text("tags are no list", _tags(tags="fox"), "no list of tags"),
    _odd_text("tags are numbers", _tags(tags=[1, 2]), "no list of tags"),
    _odd_text("colours are missing", _tags(colors=None), "no list of colors"),
    _odd_text("an empty caption", _tags(caption=" "), "no caption"),
    _odd_text("an endless caption", _tags(caption="x" * 2_001), "more than 2000 characters"),
    _odd_text("another object", '{"text": "a fox"}', "no prompt", **_ENHANCE),
    _odd_text("an empty prompt", '{"prompt": "\\n"}', "no prompt", **_ENHANCE),
    _odd_text("an endless prompt", json.dumps({"prompt": "x" * 10_001}), "10000", **_ENHANCE),
)

assert set(FINISH) >= set(_REFUSED)
