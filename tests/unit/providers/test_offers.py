"""Offers: what they refuse and why, how many units they come to, and what no data may say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import providers
from providers import Input, InputLimits, Offer, PriceRule, Sizes, catalogue, read_offers
from studio.operations import (
    OPERATIONS,
    Generate,
    ImageToVideo,
    ReplaceBackground,
    SocialExport,
    TalkingAvatar,
)
from tests.unit.providers.offer_kit import offer

FOX = Generate(prompt="a fox")

REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "values": (
        {"values": {"output_format": ("png", "jpeg")}},
        {"output_format": "webp"},
        "takes output_format png or jpeg, not webp",
    ),
    "an empty value": (
        {"values": {"style": ("", "anime")}},
        {"style": "noir"},
        "takes style (empty) or anime, not noir",
    ),
    "ranges": (
        {"ranges": {"steps": (10, 50)}},
        {"steps": 51},
        "takes steps from 10 to 50, not 51",
    ),
    "below a range": (
        {"ranges": {"guidance": (1.5, 8)}},
        {"guidance": 1.25},
        "takes guidance from 1.5 to 8, not 1.25",
    ),
    "a large number": (
        {"ranges": {"seed": (0, 2_147_483_647)}},
        {"seed": 4_294_967_294},
        "takes seed from 0 to 2147483647, not 4294967294",
    ),
    "lengths": (
        {"lengths": {"prompt": 10}},
        {"prompt": "12345678901"},
        "takes at most 10 characters of prompt, not 11",
    ),
    "unable": (
        {"unable": ("negative_prompt",)},
        {"negative_prompt": "people"},
        "has no negative_prompt; leave it out (given: people)",
    ),
    "unable, and much of it": (
        {"unable": ("negative_prompt",)},
        {"negative_prompt": "many\npeople " * 20},
        "has no negative_prompt; leave it out (given: many people many people many people man…)",
    ),
    "required": (
        {"required": ("reference",)},
        {},
        "needs reference, which is empty",
    ),
    "quality": (
        {"quality": ("draft", "standard")},
        {"quality": "premium"},
        "serves quality draft or standard, not premium",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_names_field_value_and_rule(kind: str) -> None:
    rule, wish, words = REFUSALS[kind]
    assert offer(**rule).refusal(Generate(**{"prompt": "a fox", **wish})) == words


ACCEPTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "values": ({"values": {"output_format": ("png", "jpeg")}}, {"output_format": "jpeg"}),
    "the smallest": ({"ranges": {"steps": (10, 50)}}, {"steps": 10}),
    "the largest": ({"ranges": {"steps": (10, 50)}}, {"steps": 50}),
    "a default outside of a range": ({"ranges": {"steps": (10, 50), "seed": (0, 9)}}, {}),
    "lengths": ({"lengths": {"prompt": 5}}, {"prompt": "12345"}),
    "unable and left out": ({"unable": ("negative_prompt", "width", "steps")}, {"width": 1_024}),
    "required": ({"required": ("reference",)}, {"reference": "a.png"}),
    "quality": ({"quality": ("draft", "standard")}, {}),
    "a model that was named": (
        {"quality": ("draft",)},
        {"quality": "premium", "model": "painter"},
    ),
    "no rules": ({}, {"negative_prompt": "x", "steps": 150, "quality": "draft"}),
}


@pytest.mark.parametrize("kind", ACCEPTED)
def test_what_keeps_the_rules_is_not_refused(kind: str) -> None:
    rule, wish = ACCEPTED[kind]
    assert offer(**rule).refusal(Generate(**{"prompt": "a fox", **wish})) == ""


def test_another_operation_is_refused() -> None:
    words = offer(operation="upscale").refusal(FOX)
    assert words == "does upscale, not generate"


def test_a_yes_or_no_is_a_value_too() -> None:
    sold = offer(operation="replace_background", values={"keep_background": ("False",)})
    assert sold.refusal(ReplaceBackground(image="a", background_prompt="b")) == ""
    kept = ReplaceBackground(image="a", background_prompt="b", keep_background=True)
    assert sold.refusal(kept) == "takes keep_background False, not True"


LIMITS: dict[str, tuple[dict[str, Any], Input, str]] = {
    "bytes": (
        {"max_bytes": 100},
        Input("image", size=101, width=10, height=10),
        "takes at most 100 bytes, the file has 101 (image)",
    ),
    "smallest side": (
        {"min_side": 64},
        Input("image", width=63, height=100),
        "needs at least 64 pixels a side, the picture has 63x100 (image)",
    ),
    "largest side": (
        {"max_side": 64},
        Input("image", width=10, height=65),
        "takes at most 64 pixels a side, the picture has 10x65 (image)",
    ),
    "fewest pixels": (
        {"min_pixels": 101},
        Input("image", width=10, height=10),
        "needs at least 101 pixels, the picture has 100 (image)",
    ),
    "most pixels": (
        {"max_pixels": 99},
        Input("image", width=10, height=10),
        "takes at most 99 pixels, the picture has 100 (image)",
    ),
    "flattest": (
        {"flattest": 2.5},
        Input("image", width=26, height=10),
        "takes at most 2.5:1 or 1:2.5, the picture is 26x10 (image)",
    ),
    "flattest, upright": (
        {"flattest": 2.5},
        Input("image", width=10, height=26),
        "takes at most 2.5:1 or 1:2.5, the picture is 10x26 (image)",
    ),
    "shortest": (
        {"min_seconds": 2},
        Input("image", "audio/wav", seconds=1.99),
        "needs at least 2 seconds, the file has 1.99 (image)",
    ),
    "longest": (
        {"max_seconds": 10},
        Input("image", "audio/mpeg", seconds=10.004),
        "takes at most 10 seconds, the file has 10.004 (image)",
    ),
    "a sound without length": (
        {"min_seconds": 2, "min_side": 64},
        Input("image", "audio/mpeg"),
        "needs at least 2 seconds, the file has 0 (image)",
    ),
    "a sound of too many bytes": (
        {"max_bytes": 5},
        Input("image", "audio/mpeg", size=6, seconds=1),
        "takes at most 5 bytes, the file has 6 (image)",
    ),
}


@pytest.mark.parametrize("kind", LIMITS)
def test_an_input_that_breaks_a_limit_is_refused(kind: str) -> None:
    limits, given, words = LIMITS[kind]
    for name in ("image", "*"):
        sold = offer(operation="upscale", inputs={name: InputLimits(**limits)})
        assert sold.refusal(OPERATIONS["upscale"](image="a"), [given]) == words  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("limits", "given"),
    [
        ({"max_bytes": 100}, Input("image", size=100, width=1, height=1)),
        ({"min_side": 64, "max_side": 64}, Input("image", width=64, height=64)),
        ({"min_pixels": 100, "max_pixels": 100}, Input("image", width=10, height=10)),
        ({"flattest": 2.5}, Input("image", width=25, height=10)),
        ({"min_seconds": 2, "max_seconds": 2}, Input("image", "audio/wav", seconds=2)),
        ({"min_side": 64, "min_pixels": 9}, Input("image", "audio/wav", seconds=2)),
        ({"max_seconds": 1}, Input("image", width=10, height=10)),
        ({}, Input("image", size=10**9, width=1, height=9_999)),
    ],
)
def test_an_input_at_the_limit_is_taken(limits: dict[str, Any], given: Input) -> None:
    assert InputLimits(**limits).refusal(given) == ""


def test_limits_of_a_field_come_before_those_of_all_others() -> None:
    limits = {"image": InputLimits(max_side=10), "*": InputLimits(max_side=20)}
    sold = offer(operation="style_transfer", inputs=limits)
    content, style = Input("image", width=10, height=10), Input("style_image", width=20, height=20)
    assert sold._refused_input([content, style]) == ""
    assert "(image)" in sold._refused_input([Input("image", width=11, height=1)])
    too_large = Input("style_image", width=21, height=1)
    assert "(style_image)" in sold._refused_input([content, too_large])


@pytest.mark.parametrize("bad", [{"min_side": 9, "max_side": 8}, {"min_pixels": 9, "max_pixels": 8},
                                 {"min_seconds": 9, "max_seconds": 8}, {"flattest": 0.5},
                                 {"max_bytes": -1}, {"most": 1}])  # fmt: skip
def test_limits_that_let_nothing_through_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        InputLimits.model_validate(bad)


def units(rule: PriceRule, operation: Any, *inputs: Input, sizes: Sizes | None = None) -> int:
    sold = offer(operation=operation.operation, price=rule, sizes=sizes)
    return sold.quantity(operation, inputs)


def test_without_a_rule_it_is_one() -> None:
    assert units(PriceRule(unit="picture"), FOX) == 1


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_counted_is_the_length_of_a_list(number: int) -> None:
    formats = ["instagram_story", "linkedin_feed_post", "instagram_feed_portrait"][:number]
    export = SocialExport.model_construct(image="a", formats=formats)
    assert units(PriceRule(unit="format", count_of="formats"), export) == number


def test_what_has_no_length_cannot_be_counted() -> None:
    with pytest.raises(TypeError, match="width of generate cannot be counted"):
        units(PriceRule(unit="picture", count_of="width"), FOX)


@pytest.mark.parametrize(("seconds", "step", "number"), [(5, 1, 5), (10, 5, 10), (10, 4, 12)])
def test_an_amount_is_the_value_of_a_field(seconds: int, step: int, number: int) -> None:
    video = ImageToVideo.model_construct(image="a", prompt="b", duration=seconds)
    assert units(PriceRule(unit="second", amount_of="duration", step=step), video) == number


@pytest.mark.parametrize(
    ("lasts", "number"),
    [(0, 5), (0.2, 5), (4.99, 5), (5, 5), (5.01, 10), (10, 10), (10.5, 15), (599.9, 600)],
)
def test_seconds_are_begun_ones_sold_by_five(lasts: float, number: int) -> None:
    rule = PriceRule(unit="second", seconds_of="audio", step=5)
    avatar = TalkingAvatar.model_construct(image="a", audio="b")
    picture = Input("image", width=10, height=10)
    other = Input("elsewhere", "audio/wav", seconds=999)
    sound = Input("audio", "audio/wav", seconds=lasts)
    assert units(rule, avatar, picture, other, sound) == number


@pytest.mark.parametrize(("length", "number"), [(1, 1), (15, 1), (16, 2), (300, 20), (1_000, 67)])
def test_a_script_is_sold_by_the_seconds_expected_of_it(length: int, number: int) -> None:
    avatar = TalkingAvatar(image="a", script="x" * length)
    assert units(PriceRule(unit="second", speech_of="script"), avatar) == number


@pytest.mark.parametrize(
    ("asked", "number"), [((512, 512), 1), ((1_000, 1_000), 1), ((1_024, 1_024), 2),
                          ((2_048, 2_048), 5), ((2_048, 64), 1)]
)  # fmt: skip
def test_megapixels_are_begun_ones_of_what_is_made(asked: tuple[int, int], number: int) -> None:
    rule = PriceRule(unit="megapixel", megapixels=True)
    wish = Generate(prompt="a fox", width=asked[0], height=asked[1])
    assert units(rule, wish, sizes=Sizes()) == number


def test_megapixels_count_what_the_model_makes_and_not_what_was_asked() -> None:
    rule = PriceRule(unit="megapixel", megapixels=True)
    wish = Generate(prompt="a fox", width=2_048, height=2_048)
    assert units(rule, wish, sizes=Sizes(max_pixels=1_000_000)) == 1
    assert units(rule, wish, sizes=Sizes(ratios={"1:1": (1_440, 1_440)})) == 3


def test_a_price_counts_one_thing() -> None:
    with pytest.raises(ValidationError, match="only one of"):
        PriceRule(unit="x", count_of="formats", megapixels=True)


GOOD = """
[[offers]]
id = "tests/painter"
provider = "tests"
model = "painter"
operation = "generate"
says = "For tests."
price = { unit = "picture" }
"""

BAD = {
    "an unknown operation": (GOOD.replace("generate", "dream"), "unknown operation dream"),
    "another's name": (GOOD.replace("tests/", "local/"), "must begin with tests/"),
    "an unknown key": (GOOD + "colour = 'red'", "colour"),
    "no price": (GOOD.replace("price", "cost"), "price"),
    "an unknown field": (GOOD + "unable = ['mood']", "lacks: {'mood'}"),
    "an unknown field of values": (GOOD + "values = { mood = ['x'] }", "lacks: {'mood'}"),
    "an unknown field of ranges": (GOOD + "ranges = { mood = [1, 2] }", "lacks: {'mood'}"),
    "an unknown field of lengths": (GOOD + "lengths = { mood = 2 }", "lacks: {'mood'}"),
    "an unknown field that is needed": (GOOD + "required = ['mood']", "lacks: {'mood'}"),
    "an unknown input": (GOOD + "inputs = { mood = {} }", "lacks: {'mood'}"),
    "an unknown count": (GOOD.replace("}", ", count_of = 'mood' }"), "lacks: {'mood'}"),
    "an unknown amount": (GOOD.replace("}", ", amount_of = 'mood' }"), "lacks: {'mood'}"),
    "unknown script": (GOOD.replace("}", ", speech_of = 'mood' }"), "lacks: {'mood'}"),
    "unknown seconds": (GOOD.replace("}", ", seconds_of = 'mood' }"), "lacks: {'mood'}"),
    "an impossible value": (GOOD + "values = { output_format = ['jpg'] }", "can never be 'jpg'"),
    "no values": (GOOD + "values = { output_format = [] }", "has no values"),
    "a range upside down": (GOOD + "ranges = { steps = [5, 4] }", "from 5 to 4"),
    "a range of words": (GOOD + "ranges = { prompt = [4, 5] }", "prompt cannot be from 4 to 5"),
    "a length of a number": (GOOD + "lengths = { steps = 4 }", "steps cannot have 4"),
    "no length": (GOOD + "lengths = { prompt = 0 }", "prompt cannot have 0"),
    "a limit upside down": (GOOD + "inputs = { '*' = { min_side = 9, max_side = 8 } }", "min_side"),
    "sizes that nothing has": (GOOD + "sizes = { min_side = 9, max_side = 8 }", "multiple of 1"),
    "an unknown quality": (GOOD + "quality = ['best']", "quality"),
    "an unknown kind": (GOOD + "kind = 'song'", "kind"),
    "too long a call": (GOOD + "seconds = 999999", "seconds"),
    "a bill for what is repeated": (GOOD + "usage = true\nrepeatable = true", "sends no bill"),
    "pixels that nobody knows": (
        GOOD.replace("generate", "upscale").replace("}", ", megapixels = true }")
        + "sizes = { max_side = 4096 }",
        "upscale has an unknown number",
    ),
    "pixels of no sizes": (GOOD.replace("}", ", megapixels = true }"), "an unknown number"),
    "seconds of a picture": (
        GOOD.replace("generate", "upscale").replace("}", ", seconds_of = 'image' }"),
        "image has no length in seconds",
    ),
    "the same twice": (GOOD + GOOD, "sells the same offer twice: tests/painter"),
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "sold_here"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sold_here", raising=False)
    return folder / "offers.toml"


@pytest.mark.parametrize("kind", BAD)
def test_bad_data_is_refused_when_it_is_read(kind: str, package: Path) -> None:
    text, words = BAD[kind]
    package.write_text(text, "utf-8")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are looked at below
        read_offers("sold_here")
    assert words in str(caught.value)


def test_good_data_is_read(package: Path) -> None:
    package.write_text(GOOD, "utf-8")
    assert read_offers("sold_here") == (offer(),)


ROOM = Path(providers.__file__).parent
FOLDERS = sorted(each.parent.name for each in ROOM.glob("*/offers.toml"))
ALL_FIVE = {"gemini", "huggingface", "local", "stability", "wavespeed"}
ROOMS = sorted(each.parent.relative_to(ROOM) for each in ROOM.rglob("offers.toml"))
SOLD = [sold for room in ROOMS for sold in read_offers(".".join(("providers", *room.parts)))]


def test_every_folder_that_sells_is_in_the_catalogue() -> None:
    """While some of the five are still being built, those that are there need not be listed."""
    assert set(catalogue.PACKAGES) <= set(FOLDERS) <= ALL_FIVE
    if set(FOLDERS) == ALL_FIVE:
        assert set(catalogue.PACKAGES) == ALL_FIVE
    listed = [sold for sold in SOLD if sold.provider in catalogue.PACKAGES]
    assert sorted(sold.id for sold in catalogue.all_offers()) == sorted(sold.id for sold in listed)


def test_no_two_offers_have_one_name() -> None:
    assert len({sold.id for sold in SOLD}) == len(SOLD) > 50


@pytest.mark.parametrize("sold", SOLD, ids=lambda sold: sold.id)
def test_an_offer_is_one_that_can_be_taken(sold: Offer) -> None:
    model = OPERATIONS[sold.operation]
    example = model.model_validate(model.example)
    assert sold.quantity(example) >= 1
    assert isinstance(sold.refusal(example), str)
    # Only what computes on this machine may simply be done again.
    assert not sold.repeatable or sold.provider == "local"
    assert sold.says.strip()
    assert sold.source.strip() or sold.provider == "local"
    assert "quality" in model.model_fields or not sold.quality
    if sold.sizes is not None:
        for wish in ((64, 64), (2_048, 64), (64, 2_048), (2_048, 2_048), (1_024, 768)):
            _, wide, high = sold.sizes.nearest(*wish)
            assert min(wide, high) >= 1
            assert not sold.sizes.max_pixels or wide * high <= sold.sizes.max_pixels
