"""What the Gemini emulator answers with 200: what it makes, counts, or refuses.

Words in square brackets in what it is told, or in the emulator's ``tricks``, make it answer in one
of its odd ways:

``[block=SAFETY]``      the prompt is blocked: ``promptFeedback`` and no candidate
``[finish=NO_IMAGE]``   a candidate without a picture, with that finish reason
``[kept]``              with ``finish``: the picture is there all the same
``[free]``              with ``finish``: nothing was made, no output is counted
``[words]``             it answers in words and STOP
``[empty]``             no candidates; ``[no_list]``: not even a list of them
``[no_content]`` ``[empty_content]`` ``[no_parts]``   a candidate, ever less
``[drafts]``            only pictures that it drew while thinking; ``[draft]``: one before the last
``[two]``               two pictures, or one and MAX_TOKENS where no two fit
``[png_label]``         JPEG called image/png; ``[png]``: a real PNG
``[not_base64]``        a picture that is no base64
``[no_usage]`` ``[odd_usage]`` ``[no_details]``   of the tokens less is told
``[retires]``           it tells when the model will be gone
``[thought]``           a text model's thoughts are among the parts
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tests.contract.emulators.base import Fault, picture, spoil
from tests.contract.emulators.gemini_checks import Order
from tests.contract.emulators.gemini_tables import Model, pixels

INNER: tuple[Fault, ...] = ("garbage", "truncated", "bomb", "wrong_type")
"""Faults of the file; it lies inside the JSON here."""
TRICK = re.compile(r"\[([a-z_0-9]+)(?:=([A-Z_0-9]+))?\]")
_TEXT_TOKENS = 12

_REFUSED = {
    *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION"),
    "PUP_LIMITED_DISABLED",
}
FINISH = (
    *sorted(_REFUSED),
    *("NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE", "MAX_TOKENS", "CONTINUATION"),
)
"""All finish reasons that bring no picture."""
BLOCK = ("SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY")


@dataclass
class Work:
    """An order, the odd ways in which it is to be answered, and what was counted.

    Attributes:
        fault: what happens to the picture or the text.
        greedy: whether everything counts as many tokens as it can.
        reply: what a text model writes, instead of something that fits the schema.
    """

    order: Order
    model: Model
    tricks: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    greedy: bool = False
    reply: str | None = None
    image: int = 0
    words: int = 0
    thoughts: int = 0
    prompt: int = 0

    @property
    def amount(self) -> int:
        """Micro-credits."""
        sent, made, said = self.model.today
        return self.prompt * sent + self.image * made + (self.words + self.thoughts) * said


def count(work: Work) -> None:
    """Count tokens; thoughts come first, then the picture, as far as they may."""
    order, model, tricks = work.order, work.model, work.tricks
    text = order.text.encode()
    work.prompt = len(text) + 200 if work.greedy else -(-len(text) // 4)
    for _, (wide, high) in order.pictures:
        work.prompt += 1120 if work.greedy or wide * high > 1_000_000 else 560
    if tricks.keys() & {"block", "empty", "no_list", "free"}:
        return
    most = int(order.config.get("maxOutputTokens", 32_768))
    work.thoughts = min(model.thoughts.get(order.level, 0), most)
    each = model.tokens.get(_size(work), 0)
    wanted = 0 if _no_picture(work) or not model.draws else 2 if "two" in tricks else 1
    fits = min(wanted, (most - work.thoughts) // each) if each else 0
    if fits < wanted:
        tricks |= {"finish": "MAX_TOKENS"} | ({"kept": "", "one": ""} if fits else {})
    work.image = fits * each
    work.words = min(_TEXT_TOKENS if model.draws else 90, most - work.image - work.thoughts)
    if work.greedy:
        while model.draws and work.image + work.thoughts + each <= most:
            work.image += each
        work.words = most - work.image - work.thoughts


def _no_picture(work: Work) -> bool:
    odd = {"words", "no_content", "empty_content", "no_parts", "drafts"}
    no_picture = "finish" in work.tricks and "kept" not in work.tricks
    return no_picture or bool(work.tricks.keys() & odd)


def values_of(work: Work) -> dict[str, Any]:
    tricks = work.tricks
    values: dict[str, Any] = {"modelVersion": work.order.model}
    if "no_usage" not in tricks:
        values["usageMetadata"] = _usage(work)
    if "retires" in tricks:
        stage = {"modelStage": "DEPRECATED", "retirementTime": "2027-03-01T00:00:00Z"}
        values["modelStatus"] = stage
    if "block" in tricks:
        values["promptFeedback"] = {"blockReason": tricks["block"], "safetyRatings": []}
        return values
    if "no_list" in tricks:
        return values
    values["candidates"] = [] if "empty" in tricks else [_candidate(work)]
    return values


def _candidate(work: Work) -> dict[str, Any]:
    tricks = work.tricks
    reason = tricks.get("finish", "STOP")
    candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
    if reason in _REFUSED:
        candidate["finishMessage"] = "Unable to show the generated image. (odd\u0000one)"
    parts = _parts(work) if work.model.draws else _texts(work)
    if "no_content" in tricks:
        return candidate
    content: dict[str, Any] = {"role": "model", "parts": parts}
    if "empty_content" in tricks:
        content = {}
    elif "no_parts" in tricks or not parts:
        content = {"role": "model"}
    return candidate | {"content": content}


def _parts(work: Work) -> list[dict[str, Any]]:
    tricks = work.tricks
    parts: list[dict[str, Any]] = []
    if "draft" in tricks or "drafts" in tricks:
        parts.append({"text": "I weigh it.", "thought": True})
        parts.append(_blob(work, "draft") | {"thought": True})
    if "words" in tricks:
        return [*parts, {"text": "I would rather tell you about foxes."}]
    if _no_picture(work):
        return parts
    parts.append({"text": "Here is your picture."})
    if "two" in tricks and "one" not in tricks:
        parts.append(_blob(work, "first"))
    return [*parts, _blob(work, work_name(work.order))]


def _blob(work: Work, words: str) -> dict[str, Any]:
    kind = "PNG" if "png" in work.tricks else "JPEG"
    wide, high = pixels(work.order.ratio, _size(work))
    data, media_type = _drawn(words, wide, high, kind), f"image/{kind.lower()}"
    if words not in {"draft", "first"} and work.fault in INNER:
        data = spoil(data, {}, work.fault)[0]
    if "png_label" in work.tricks or work.fault == "wrong_type":
        media_type = "image/png" if kind == "JPEG" else "image/webp"
    text = "*no base64*" if "not_base64" in work.tricks else base64.b64encode(data).decode()
    return {
        "inlineData": {"mimeType": media_type, "data": text},
        "thoughtSignature": base64.b64encode(b"signed").decode(),
    }


def _texts(work: Work) -> list[dict[str, Any]]:
    """Return JSON that fits the schema, in two pieces."""
    if "finish" in work.tricks and work.tricks["finish"] in _REFUSED:
        return []
    schema = work.order.config.get("responseSchema")
    text = work.reply
    if text is None:
        text = json.dumps(_fitting(schema, "text")) if schema else "Well."
    if "finish" in work.tricks or work.fault == "truncated":
        text = text[: len(text) // 2]
    if work.fault == "garbage":
        text = "no JSON at all"
    thoughts = [{"text": "Let me think. {", "thought": True}] if "thought" in work.tricks else []
    return [*thoughts, {"text": text[:7]}, {"text": text[7:]}]


def _size(work: Work) -> str:
    sizes = list(work.model.tokens) or ["1K"]
    return str(work.order.config.get("imageConfig", {}).get("imageSize", sizes[0]))


def _usage(work: Work) -> dict[str, Any]:
    if "odd_usage" in work.tricks:
        return {"promptTokenCount": "many", "candidatesTokenCount": -1}
    values: dict[str, Any] = {
        "promptTokenCount": work.prompt,
        "totalTokenCount": work.prompt + work.image + work.words + work.thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": work.prompt}],
    }
    if work.image + work.words:
        values["candidatesTokenCount"] = work.image + work.words
    if work.thoughts:
        values["thoughtsTokenCount"] = work.thoughts
    if work.image and "no_details" not in work.tricks:
        values["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": work.image}]
    return values


def _fitting(schema: Mapping[str, Any], name: str) -> Any:
    """Return something that a schema allows."""
    if schema["type"] == "OBJECT":
        return {key: _fitting(inner, key) for key, inner in schema["properties"].items()}
    if schema["type"] == "ARRAY":
        count = min(int(schema.get("maxItems", 4)), 4)
        return [f"{name} {number}" for number in range(count)]
    if schema["type"] == "INTEGER":
        return 2
    if schema["type"] == "BOOLEAN":
        return True
    return f"A plain {name}."


@lru_cache(maxsize=64)
def _drawn(words: str, wide: int, high: int, kind: str) -> bytes:
    return picture(words, wide, high, kind)


def work_name(order: Order) -> str:
    """Return what names the work: the same request, the same work."""
    said = json.dumps([order.model, order.body], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
