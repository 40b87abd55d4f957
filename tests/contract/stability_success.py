"""Stability AI: what every offer sends, to the letter, and what comes back."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from providers import read_offers
from providers.stability import StabilityProvider
from tests.contract.cases import Case
from tests.contract.emulators.base import read_picture
from tests.contract.emulators.stability import StabilityEmulator
from tests.contract.stability_kit import (
    ASYNC,
    MASK,
    PHOTO,
    buy,
    collect,
    find,
    hand_in,
    provider_for,
    request,
)
from tests.contract.stability_orders import SENT, Sent


def _order(sent: Sent) -> Case:
    def check(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
        emulator.unknown_fields = "reject"
        offer = find(provider, sent.offer)
        wanted = request(offer, sent.files, **sent.fields)
        assert not offer.refusal(
            wanted.operation.model_copy(update={"model": offer.model}), wanted.inputs
        )
        delivery = buy(provider, sent.offer, sent.files, **sent.fields)
        _check_arrived(emulator, sent)
        (output,) = delivery.outputs
        assert (output.media_type, output.width, output.height) == (sent.media_type, *sent.size)
        assert delivery.model == offer.model
        assert delivery.seed == sent.seed
        assert delivery.facts["request_id"].startswith("req-")
        assert delivery.facts["finish_reason"] in {"SUCCESS", ""}
        assert [(bill.what, bill.amount) for bill in emulator.bills] == [(sent.path, sent.amount)]

    return Case(sent.offer, _operation(sent.offer), "success", sent.name, check)


def _check_arrived(emulator: StabilityEmulator, sent: Sent) -> None:
    (form,) = emulator.forms
    assert form.path == sent.path
    assert form.texts() == sent.texts
    files = {name: part for name, part in form.parts.items() if part.filename is not None}
    assert files.keys() == sent.enclosed.keys()
    for name, data in sent.enclosed.items():
        assert data is None or files[name].data == data
        assert files[name].content_type == f"image/{read_picture(files[name].data).format}".lower()


def _operation(offer: str) -> str:
    return next(each.operation for each in read_offers("providers.stability") if each.id == offer)


def _case(offer: str, name: str, check: Any) -> Case:
    return Case(offer, _operation(offer), "success", name, check)


def _mask_is_white_where_to_change(
    emulator: StabilityEmulator, provider: StabilityProvider
) -> None:
    """A mask from transparency is its opposite; one of another size is fitted."""
    half = Image.new("RGBA", (256, 192), (9, 9, 9, 255))
    half.paste((9, 9, 9, 0), (0, 0, 128, 192))
    out = io.BytesIO()
    half.save(out, "PNG")
    buy(provider, "stability/erase", {"image": out.getvalue()})
    buy(provider, "stability/erase", {"image": PHOTO, "mask": MASK})
    first, second = (read_picture(form.parts["mask"].data) for form in emulator.forms)
    assert first.size == second.size == (256, 192)
    assert first.convert("L").getpixel((10, 90)) == 255
    assert first.convert("L").getpixel((250, 90)) == 0


def _other_formats_are_made_readable(
    emulator: StabilityEmulator, provider: StabilityProvider
) -> None:
    out = io.BytesIO()
    Image.new("P", (64, 64), 3).save(out, "GIF")
    buy(provider, "stability/sketch", {"image": out.getvalue()})
    part = emulator.forms[0].parts["image"]
    assert (part.content_type, read_picture(part.data).format) == ("image/png", "PNG")


def _a_note_to_turn_is_carried_out(
    emulator: StabilityEmulator, provider: StabilityProvider
) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (256, 192), "red").save(out, "JPEG", exif=exif)
    buy(provider, "stability/sketch", {"image": out.getvalue()})
    image = read_picture(emulator.forms[0].parts["image"].data)
    assert (image.size, image.format, dict(image.getexif())) == ((192, 256), "JPEG", {})


def _json_is_read_as_well(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    emulator.answer_json = True
    delivery = buy(provider, "stability/core", seed=5)
    assert delivery.outputs[0].media_type == "image/png"
    assert (delivery.seed, delivery.facts["finish_reason"]) == (5, "SUCCESS")
    emulator.json_headers = True
    assert buy(provider, "stability/core", seed=6).seed == 6


def _a_late_result_is_collected_by_another_process(
    emulator: StabilityEmulator, provider: StabilityProvider
) -> None:
    ticket = hand_in(provider)
    delivery = collect(provider_for(emulator), ticket)
    assert delivery.facts["generation"] == ticket.remote_id
    again = collect(provider_for(emulator), ticket)
    assert again.outputs == delivery.outputs
    assert len(emulator.bills) == 1


def _results_are_asked_for_slowly(emulator: StabilityEmulator, provider: StabilityProvider) -> None:
    emulator.polls_needed = 3
    buy(provider_for(emulator, poll_seconds=0.1), ASYNC)
    gaps = [b - a for a, b in zip(emulator.polled, emulator.polled[1:], strict=False)]
    assert len(gaps) == 3
    assert min(gaps) >= 0.1


CASES = (
    *(_order(sent) for sent in SENT),
    _case("stability/erase", "a mask is white where to change", _mask_is_white_where_to_change),
    _case("stability/sketch", "a GIF goes as a PNG", _other_formats_are_made_readable),
    _case("stability/sketch", "a turned photo goes upright", _a_note_to_turn_is_carried_out),
    _case("stability/core", "JSON is read as well", _json_is_read_as_well),
    _case(
        ASYNC,
        "collected by another process, twice",
        _a_late_result_is_collected_by_another_process,
    ),
    _case(ASYNC, "asked for slowly", _results_are_asked_for_slowly),
)
