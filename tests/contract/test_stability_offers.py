"""What Stability AI sells: no field is dropped, no size or quality is without an offer."""

from __future__ import annotations

import itertools
from typing import Any, Literal, get_args, get_origin

import pytest

from providers import Offer, Request, read_offers
from providers.stability import StabilityProvider
from providers.stability.endpoints import end_point
from providers.stability.forms import Part
from studio.operations import OPERATIONS, Operation, input_fields
from tests.contract.emulators.stability_checks import RATIOS
from tests.contract.emulators.stability_rules import END_POINTS
from tests.contract.stability_kit import CUT_OUT, MASK, PHOTO, TALL
from tests.contract.test_stability import CASES

OFFERS = read_offers("providers.stability")

_ABOUT = {"operation", "provider", "model", "quality"}
"""Who does it, not what is done."""
_RESOLVED = {"template", "ratio", "variations", "persona", "palette", "enhance"}
"""What the studio has replaced by what it stands for before a provider sees it."""
_STUDIO = {
    *(("stability/upscale-fast", it) for it in ("factor", "preset", "mode", "prompt", "budget")),
    *((f"stability/upscale-{it}", "longer_side") for it in ("conservative", "creative")),
}
"""What the studio does with what was made."""
_NO_SEED = {"stability/stable-fast-3d", "stability/upscale-fast", "stability/remove-background"}
"""The models have none."""
_WITH: dict[str, dict[str, Any]] = {
    "replace_background": {"light_direction": "left"},
    "image_to_3d": {"count_of": "vertex"},
    "generate": {"width": 500, "height": 500},
    "style_guide": {"width": 500, "height": 500},
    "upscale_conservative": {"creativity": 0.3},
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


def _parts(offer: Offer, operation: Operation, files: dict[str, bytes]) -> list[Part]:
    return sorted(end_point(offer).fill_in(offer, Request(operation, files)).parts())


def _fields() -> list[tuple[Offer, str]]:
    return [
        (offer, name)
        for offer in OFFERS
        for name in OPERATIONS[offer.operation].model_fields
        if name not in _ABOUT | _RESOLVED and (offer.id, name) not in _STUDIO
        if not (name == "seed" and offer.id in _NO_SEED)
    ]


@pytest.mark.parametrize(
    ("offer", "name"), _fields(), ids=lambda value: getattr(value, "id", value)
)
def test_a_field_is_sent_or_refused(offer: Offer, name: str) -> None:
    cls = OPERATIONS[offer.operation]
    pictures = {"image": PHOTO, "mask": MASK, "style_image": PHOTO}
    files = {each: pictures[each] for each in input_fields(cls) if each in pictures}
    values = {**cls.example, **_WITH.get(offer.operation, {}), **dict.fromkeys(files, "a.png")}
    before = cls.model_validate(values)
    if name in input_fields(cls):
        after = cls.model_validate({**values, name: "b.png"})
        changed = {**files, name: CUT_OUT if name == "mask" else TALL}
    else:
        other = 2_048 if name == "width" else _other(cls, name, getattr(before, name))
        after = cls.model_validate({**values, name: other})
        changed = files
    refusal = offer.refusal(after.model_copy(update={"model": offer.model}))
    assert refusal or _parts(offer, before, files) != _parts(offer, after, changed)
    assert name in refusal or not refusal


def test_style_guide_and_others_refuse_what_they_cannot_have() -> None:
    refused = {
        (offer.id, name)
        for offer, name in _fields()
        if name in {*offer.unable, *offer.ranges, *offer.values}
    }
    assert ("stability/core", "reference") in refused
    assert ("stability/style-transfer", "change_strength") in refused
    assert ("stability/sd3.5-large/edit", "reference_2") in refused
    assert ("stability/stable-fast-3d", "count_of") in refused


def test_change_strength_of_0_is_refused_and_not_rounded() -> None:
    offer = next(each for each in OFFERS if each.operation == "style_transfer")
    values = {"image": "a.png", "style_image": "b.png"}
    cls = OPERATIONS["style_transfer"]
    for strength, fits in ((0, False), (0.09, False), (0.1, True), (1, True)):
        operation = cls.model_validate({**values, "change_strength": strength})
        assert (offer.refusal(operation) == "") is fits


@pytest.mark.parametrize("quality", ["draft", "standard", "premium"])
@pytest.mark.parametrize("operation", ["generate", "edit"])
def test_every_quality_has_an_offer(operation: str, quality: str) -> None:
    cls = OPERATIONS[operation]
    wanted = cls.model_validate({**cls.example, "quality": quality})
    assert [each.id for each in OFFERS if not each.refusal(wanted)]


def test_every_size_has_a_ratio() -> None:
    sides = [*range(64, 2_049, 62), 2_048]
    for offer in (each for each in OFFERS if each.sizes is not None):
        assert offer.sizes is not None
        assert tuple(offer.sizes.ratios) == RATIOS
        for width, height in itertools.product(sides, sides):
            ratio, wide, high = offer.sizes.nearest(width, height)
            assert ratio in RATIOS
            assert wide >= 640
            assert high >= 640


def test_sizes_have_the_ratios_that_they_are_named_for() -> None:
    for offer in (each for each in OFFERS if each.sizes is not None):
        assert offer.sizes is not None
        for name, (width, height) in offer.sizes.ratios.items():
            wide, high = (int(side) for side in name.split(":"))
            # A step of 64 pixels is the most that a side may be off.
            assert abs(width - height * wide / high) <= 160, (offer.id, name)


def test_routes_are_end_points_that_there_are() -> None:
    assert {offer.route for offer in OFFERS} == set(END_POINTS)


def test_what_is_collected_is_called_asynchronous() -> None:
    for offer in OFFERS:
        assert offer.asynchronous is (END_POINTS[offer.route].kind == "id")
        assert (offer.kind == "model") is (END_POINTS[offer.route].kind == "model")
        assert offer.seconds >= 180


def test_every_offer_was_tried() -> None:
    tried = {case.offer for case in CASES if case.kind == "success"}
    assert tried == {offer.id for offer in OFFERS}
    operations = {offer.id: offer.operation for offer in OFFERS}
    assert all(operations[case.offer] == case.operation for case in CASES)
    assert len({str(case) for case in CASES}) == len(CASES)


def test_limits_are_those_of_the_specification() -> None:
    limits = StabilityProvider.limits
    assert limits is not None
    assert [(each.count, each.seconds) for each in limits.requests] == [(150, 10)]
    assert limits.lockout_seconds == 60
