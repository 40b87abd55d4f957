"""What Gemini sells: no field is dropped, no size or quality is without an offer, ids are alive."""

from __future__ import annotations

import itertools
from typing import Any, Literal, get_args, get_origin

import pytest

from providers import Offer, Request
from providers.gemini import resolve, retirement
from providers.gemini.bodies import LARGEST_REQUEST, body_for, encoded
from providers.gemini.models import ALIASES, MODELS, tier_of
from studio.operations import OPERATIONS, Operation, input_fields
from tests.contract.emulators import gemini_tables
from tests.contract.gemini_kit import PHOTO, TALL
from tests.contract.gemini_success import OFFERS
from tests.contract.test_gemini import CASES

_ABOUT = {"operation", "provider", "model", "quality"}
"""Who does it, not what is done."""
_STUDIO = {"output_format", "template", "ratio", "variations", "persona", "palette", "enhance"}
"""What the studio does with what was made: the file type is not open there."""
_WITH: dict[str, dict[str, Any]] = {
    "generate": {"width": 500, "height": 500},
    "style_guide": {"width": 500, "height": 500},
}
"""What makes other fields of an operation count."""


def _other(cls: type[Operation], name: str, now: Any) -> Any:
    """Return another value that the field may have."""
    annotation = cls.model_fields[name].annotation
    if get_origin(annotation) is Literal:
        return next(value for value in get_args(annotation) if value != now)
    if isinstance(now, bool):
        return not now
    if isinstance(now, str):
        return "some zebras"
    limits = {
        key: getattr(rule, key)
        for rule in cls.model_fields[name].metadata
        for key in ("ge", "le")
        if hasattr(rule, key)
    }
    return limits["le"] if now != limits["le"] else limits["ge"]


def _fields() -> list[tuple[Offer, str]]:
    return [
        (offer, name)
        for offer in OFFERS
        for name in OPERATIONS[offer.operation].model_fields
        if name not in _ABOUT | _STUDIO
    ]


@pytest.mark.parametrize(
    ("offer", "name"), _fields(), ids=lambda value: getattr(value, "id", value)
)
def test_a_field_is_sent_or_refused(offer: Offer, name: str) -> None:
    cls = OPERATIONS[offer.operation]
    needed = [each for each in input_fields(cls) if cls.model_fields[each].is_required()]
    files = dict.fromkeys(needed, PHOTO)
    values = {**cls.example, **_WITH.get(offer.operation, {}), **dict.fromkeys(files, "a.png")}
    before = cls.model_validate(values)
    changed = files
    if name in input_fields(cls):
        after = cls.model_validate({**values, name: "b.png"})
        changed = {**files, name: TALL}
    else:
        other = 2_048 if name == "width" else _other(cls, name, getattr(before, name))
        after = cls.model_validate({**values, name: other})
    refusal = offer.refusal(after.model_copy(update={"model": offer.model}))
    first, second = (
        body_for(offer, Request(operation, sent))
        for operation, sent in ((before, files), (after, changed))
    )
    assert refusal or first != second
    assert name in refusal or not refusal


def test_strengths_are_refused_unless_they_are_left_alone() -> None:
    refused = {(offer.operation, name) for offer in OFFERS for name in offer.unable}
    assert refused == {
        ("generate", "guidance"),
        ("generate", "steps"),
        ("edit", "strength"),
        ("search_replace", "grow_mask"),
        ("search_recolor", "grow_mask"),
        ("replace_background", "preserve_subject"),
        ("replace_background", "background_depth"),
        ("replace_background", "light_strength"),
        ("style_transfer", "style_strength"),
        ("style_transfer", "composition_fidelity"),
        ("style_transfer", "change_strength"),
        ("style_guide", "fidelity"),
        ("sketch", "strength"),
    }
    for offer in OFFERS:
        cls = OPERATIONS[offer.operation]
        assert not offer.refusal(cls.model_validate({**cls.example, "model": offer.model}))


@pytest.mark.parametrize(
    ("quality", "sold"),
    [
        ("draft", {"nano-banana-2.1/1k", "3.1-flash-lite-image/1k"}),
        ("standard", {f"nano-banana-2.1/{tier}" for tier in ("1k", "2k", "4k")}),
        (
            "premium",
            {"nano-banana-2.1/2k", "nano-banana-2.1/4k"}
            | {f"3-pro-image/{tier}" for tier in ("1k", "2k", "4k")},
        ),
    ],
)
@pytest.mark.parametrize("operation", ["generate", "edit"])
def test_every_quality_has_its_offers(operation: str, quality: str, sold: set[str]) -> None:
    cls = OPERATIONS[operation]
    wanted = cls.model_validate({**cls.example, "quality": quality})
    fitting = {each.id for each in OFFERS if not each.refusal(wanted)}
    end = "" if operation == "generate" else "/edit"
    assert fitting == {f"gemini/{each}{end}" for each in sold}


def test_every_size_has_a_ratio_of_the_model() -> None:
    sides = [*range(64, 2_049, 124), 2_048]
    for offer in (each for each in OFFERS if each.operation in {"generate", "style_guide"}):
        assert offer.sizes is not None
        for width, height in itertools.product(sides, sides):
            assert offer.sizes.nearest(width, height)[0] in MODELS[offer.model].ratios


def test_sizes_are_those_of_the_table() -> None:
    for offer in (each for each in OFFERS if each.kind == "picture"):
        model = gemini_tables.MODELS[offer.model]
        assert offer.sizes is not None
        assert set(offer.sizes.ratios) == set(model.ratios) == set(MODELS[offer.model].ratios)
        size = offer.id.split("/")[2].upper()
        for ratio, made in offer.sizes.ratios.items():
            assert made == gemini_tables.pixels(ratio, size)


def test_offers_name_live_models_and_their_tiers() -> None:
    assert {offer.model for offer in OFFERS} == set(MODELS) <= set(gemini_tables.MODELS)
    for offer in OFFERS:
        short, _, rest = offer.id.removeprefix("gemini/").partition("/")
        assert offer.model == f"gemini-{short}"
        tier = tier_of(offer)
        assert rest.split("/")[0] == tier.name
        assert tier.size == (
            "" if "lite" in offer.id or offer.kind == "text" else tier.name.upper()
        )
        assert not tier.thinking or tier.thinking in MODELS[offer.model].thinking
        assert len(input_fields(OPERATIONS[offer.operation])) <= MODELS[offer.model].most_pictures
        assert offer.usage
        assert offer.seconds >= (300 if offer.kind == "picture" else 60)


def test_retired_models_are_not_offered_and_name_what_took_their_place() -> None:
    for alias in ALIASES.values():
        assert alias.id not in MODELS
        assert resolve(alias.id) == resolve(f"models/{alias.id}") == alias.live
        assert alias.live in MODELS
        assert (alias.live in retirement(alias.id)) is bool(alias.gone)
    assert "2026-10-29" in retirement("gemini-3.1-flash-image")
    for dead in ("gemini-2.5-flash-image", "gemini-3-pro-image-preview"):
        assert ALIASES[dead].gone


def test_live_and_unknown_models_are_left_alone() -> None:
    assert resolve("gemini-3-pro-image") == "gemini-3-pro-image"
    assert resolve("models/gemini-3-pro-image") == "gemini-3-pro-image"
    assert resolve("flux") == "flux"
    assert retirement("gemini-3-pro-image") == retirement("flux") == ""


def test_the_largest_picture_that_an_offer_takes_can_be_sent() -> None:
    for offer in (each for each in OFFERS if each.inputs):
        for limits in offer.inputs.values():
            words = 12_000  # 5,800 bytes, each escaped
            assert -(-limits.max_bytes // 3) * 4 + words + 2_000 <= LARGEST_REQUEST


def test_small_pictures_are_edited_small_and_large_ones_large() -> None:
    """Where there is no quality to choose, the tier follows the picture."""
    from providers import Input

    cls = OPERATIONS["search_replace"]
    wanted = cls.model_validate({**cls.example, "model": "gemini-nano-banana-2.1"})
    for size, smallest in (((1_500, 1_500), "1k"), ((3_000, 3_000), "2k"), ((6_000, 4_000), "4k")):
        given = [Input("image", "image/jpeg", 1_000, *size)]
        fitting = [each.id.split("/")[2] for each in OFFERS if not each.refusal(wanted, given)]
        assert fitting[0] == smallest


def test_every_offer_was_tried() -> None:
    tried = {case.offer for case in CASES if case.kind == "success"}
    assert tried == {offer.id for offer in OFFERS}
    operations = {offer.id: offer.operation for offer in OFFERS}
    assert all(operations[case.offer] == case.operation for case in CASES)
    assert len({str(case) for case in CASES}) == len(CASES)
    assert encoded({"ü": "ü"}) == '{"ü":"ü"}'.encode()
