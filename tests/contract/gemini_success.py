"""Gemini: each offer delivers, and what it was told holds every field."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image

from providers import Delivery, Offer, read_offers
from providers.gemini import GeminiProvider, ceiling
from studio import imaging
from studio.catalog import style
from studio.operations import OPERATIONS
from tests.contract.cases import Case
from tests.contract.emulators.base import picture
from tests.contract.emulators.gemini import GeminiEmulator
from tests.contract.emulators.gemini_tables import MODELS
from tests.contract.gemini_kit import EDIT, ENHANCE, NANO, PHOTO, PRO, TAG, TALL, buy

OFFERS = read_offers("providers.gemini")

_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "generate": {
        "negative_prompt": "no rain",
        "style": "line-art",
        "width": 1_100,
        "height": 620,
        "reference": "a.png",
        "reference_2": "b.png",
        "reference_3": "c.png",
    },
    "edit": {"negative_prompt": "no rain", "reference": "a.png", "reference_2": "b.png"},
    "search_replace": {"negative_prompt": "no rain", "style": "line-art"},
    "search_recolor": {"negative_prompt": "no rain", "style": "line-art"},
    "replace_background": {
        "negative_prompt": "no rain",
        "background": "a.png",
        "foreground_prompt": "a {dog}",
        "light_direction": "above",
        "light": "b.png",
    },
    "style_transfer": {"negative_prompt": "no rain", "prompt": "more gold"},
    "style_guide": {"negative_prompt": "no rain", "width": 1_000, "height": 1_500},
    "sketch": {"negative_prompt": "no rain", "style": "line-art"},
    "enhance_prompt": {"style": "line-art"},
    "tag": {"most_tags": 3},
}
"""What is set besides what the example of each operation sets."""
_RATIO = {"generate": "16:9", "style_guide": "2:3"}
"""For the size asked for; 4:3 is that of the input picture."""
_SAID = {"line-art": style("line-art").fragment, "no rain": "Do not show: no rain"}
"""How a field's words are said, where not as they are."""


def _words(delivery: Delivery) -> Any:
    return json.loads(delivery.outputs[0].data)


def _works(offer: Offer) -> Case:
    """It delivers what was asked; the emulator got every field and was paid what is told."""
    fields = _FIELDS[offer.operation]

    def check(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
        seeded = {**fields, "seed": 7} if offer.kind == "picture" else fields
        delivery = buy(provider, offer.id, **seeded)
        (order,), (bill,) = emulator.orders, emulator.bills
        assert order.model == offer.model == delivery.model
        assert delivery.cost == bill.amount <= ceiling(offer)
        for text in (value for value in fields.values() if isinstance(value, str)):
            assert text.endswith(".png") or _SAID.get(text, text) in order.text
        assert len(order.pictures) == sum(
            str(value).endswith(".png") for value in _given(offer, fields).values()
        )
        assert delivery.facts["request_id"] == "resp-1"
        assert delivery.facts["finish_reason"] == "STOP"
        (_looks if offer.kind == "picture" else _reads)(offer, delivery, emulator)

    return Case(offer.id, offer.operation, "success", "delivers", check)


def _given(offer: Offer, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**OPERATIONS[offer.operation].example, **fields}


def _looks(offer: Offer, delivery: Delivery, emulator: GeminiEmulator) -> None:
    (order,) = emulator.orders
    output = delivery.outputs[0]
    assert (output.media_type, imaging.sniff(output.data)) == ("image/jpeg", "image/jpeg")
    assert offer.sizes is not None
    ratio = _RATIO.get(offer.operation, "4:3")
    assert (output.width, output.height) == offer.sizes.ratios[ratio]
    assert order.ratio == ratio
    config = order.config
    tier = offer.id.split("/")[2].upper()
    assert config["imageConfig"].get("imageSize") == (None if "lite" in offer.id else tier)
    assert config["responseModalities"] == ["TEXT", "IMAGE"]
    assert config["seed"] == delivery.seed == 7
    assert config["maxOutputTokens"] >= MODELS[offer.model].tokens[tier] + 1_000
    assert order.text.count("exactly one") == 1


def _reads(offer: Offer, delivery: Delivery, emulator: GeminiEmulator) -> None:
    output = delivery.outputs[0]
    assert output.media_type == "application/json"
    assert delivery.seed is None
    if offer.operation == "enhance_prompt":
        assert _words(delivery) == {"prompt": "A plain prompt."}
        return
    said = _words(delivery)
    assert list(said) == ["caption", "tags", "objects", "colors", "faces", "safe_for_work"]
    assert (said["faces"], said["safe_for_work"]) == (2, True)
    assert said["tags"] == ["tags 0", "tags 1", "tags 2"]
    assert said["colors"] == ["colors 0", "colors 1", "colors 2", "colors 3"]
    assert emulator.orders[0].config["responseSchema"]["properties"]["tags"]["maxItems"] == 3


# --- what is said, and how


def _edit_of_one(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    buy(provider, EDIT, {"image": TALL}, prompt="make it {winter}")
    (order,) = emulator.orders
    assert "image 1, changed as this says: make it {winter}" in order.text
    assert "the others" not in order.text
    assert order.pictures == [("JPEG", (192, 256))]
    assert order.ratio == "3:4"


def _edit_with_the_last(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """Pictures keep their order, and the ratio is that of the first, not of the last."""
    buy(provider, EDIT, {"image": PHOTO, "reference_2": TALL})
    (order,) = emulator.orders
    assert order.pictures == [("PNG", (256, 192)), ("JPEG", (192, 256))]
    assert order.ratio == "4:3"
    assert order.text.count("may speak of the others") == 1


def _keep_background(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    offer = f"{NANO}/replace_background"
    buy(provider, offer, keep_background=True, background_prompt="a beach")
    text = emulator.orders[0].text
    assert "change nothing but the light" in text
    assert "as if it stood here: a beach" in text
    assert "Put this background" not in text
    assert "comes from" not in text


def _background_in_words(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    buy(provider, f"{NANO}/replace_background", light_direction="left")
    text = emulator.orders[0].text
    assert "Put this background behind it: a beach at dusk" in text
    assert "comes from this side: left" in text
    assert "as if it stood" not in text
    assert "{" not in text


def _plain(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """Nothing is said of what was not asked; seed 0 is a seed."""
    delivery = buy(provider, NANO, prompt="a fox", seed=0)
    (order,) = emulator.orders
    assert order.text == "Make exactly one picture from this description: a fox"
    assert order.config["seed"] == delivery.seed == 0
    assert order.ratio == "1:1"
    assert order.config["thinkingConfig"] == {"thinkingLevel": "MINIMAL", "includeThoughts": False}
    assert order.config["candidateCount"] == 1
    buy(provider, PRO, prompt="a fox", seed=-1)
    assert "thinkingConfig" not in emulator.orders[1].config
    assert "seed" not in emulator.orders[1].config
    assert emulator.twice == []


def _large_seed(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    delivery = buy(provider, NANO, seed=4_294_967_294)
    assert emulator.orders[0].config["seed"] == delivery.seed == 2_147_483_646


def _turned(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """A picture that says "turn me" is turned before it goes."""
    for kind in ("JPEG", "PNG"):
        out = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (120, 60), "red").save(out, kind, exif=exif)
        buy(provider, EDIT, {"image": out.getvalue()})
    assert [order.pictures for order in emulator.orders] == [
        [("JPEG", (60, 120))],
        [("PNG", (60, 120))],
    ]
    assert [order.ratio for order in emulator.orders] == ["9:16", "9:16"]


def _gif(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """What it does not read becomes a PNG."""
    buy(provider, EDIT, {"image": picture("a gif", 90, 60, "GIF")})
    assert emulator.orders[0].pictures == [("PNG", (90, 60))]


def _exact_bytes(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """What it reads goes as it is, and what it made comes as it is."""
    webp = picture("a webp", 90, 60, "WEBP")
    delivery = buy(provider, EDIT, {"image": webp}, prompt="[png]")
    sent = emulator.orders[0].body["contents"][0]["parts"][1]["inlineData"]
    assert sent == {"mimeType": "image/webp", "data": base64.b64encode(webp).decode()}
    assert delivery.outputs[0].media_type == "image/png"


def _thoughts_are_no_text(_: GeminiEmulator, provider: GeminiProvider) -> None:
    assert _words(buy(provider, ENHANCE, prompt="a fox [thought]")) == {"prompt": "A plain prompt."}


def _terms_are_tidied(emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    """What the schema does not enforce is seen to here."""
    said = {
        "caption": " Two\nfoxes\u0000 ",
        "tags": ["Fox", "fox ", "", "Snow\ud800", *(f"t{n}" for n in range(60))],
        "objects": [],
        "colors": ["Red"],
        "faces": -1,
        "safe_for_work": "perhaps",
        "more": 1,
    }
    emulator.reply = json.dumps(said)
    words = _words(buy(provider, TAG, most_tags=5))
    assert words == {
        "caption": "Two foxes",
        "tags": ["fox", "snow?", "t0", "t1", "t2"],
        "objects": [],
        "colors": ["red"],
    }


def _case(offer: str, operation: str, name: str, check: Any) -> Case:
    return Case(offer, operation, "success", name, check)


_REPLACE = (f"{NANO}/replace_background", "replace_background")

CASES = (
    *(_works(offer) for offer in OFFERS),
    _case(EDIT, "edit", "one picture", _edit_of_one),
    _case(EDIT, "edit", "the last reference alone", _edit_with_the_last),
    _case(*_REPLACE, "only the light", _keep_background),
    _case(*_REPLACE, "in words", _background_in_words),
    _case(NANO, "generate", "nothing but a prompt", _plain),
    _case(NANO, "generate", "a large seed", _large_seed),
    _case(EDIT, "edit", "a turned picture", _turned),
    _case(EDIT, "edit", "a gif", _gif),
    _case(EDIT, "edit", "bytes as they are", _exact_bytes),
    _case(ENHANCE, "enhance_prompt", "thoughts are no text", _thoughts_are_no_text),
    _case(TAG, "tag", "terms are tidied", _terms_are_tidied),
)
