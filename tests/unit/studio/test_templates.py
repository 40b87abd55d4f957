"""The catalogue of templates: its data, and how it is looked through."""

from __future__ import annotations

import datetime as dt
import tomllib
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from studio import catalog
from studio.catalog import CATEGORIES, PLATFORMS, TEMPLATES, listed, recommend, search, template
from studio.catalog.matching import Entry, Index, query_words, words
from studio.errors import InvalidRequest

ORIGINAL = (
    "instagram_feed_square", "instagram_feed_portrait", "instagram_story", "instagram_reel_cover",
    "facebook_feed", "facebook_feed_square", "facebook_story", "facebook_cover", "twitter_post",
    "twitter_card", "twitter_header", "linkedin_post", "linkedin_post_square", "linkedin_article",
    "linkedin_cover", "youtube_thumbnail", "youtube_channel_art", "pinterest_pin",
    "pinterest_story", "tiktok_video_cover", "blog_header", "blog_header_wide", "email_banner",
    "email_product", "website_hero", "website_banner",
)  # fmt: skip
"""The ids of the original Image Studio, which people may have in files."""
STABILITY = (
    "enhance", "anime", "photographic", "digital-art", "comic-book", "fantasy-art", "line-art",
    "analog-film", "neon-punk", "isometric", "low-poly", "origami", "modeling-compound",
    "cinematic", "3d-model", "pixel-art", "tile-texture",
)  # fmt: skip
"""The presets that Stability's API knows by these names."""


def ids(found: tuple[catalog.Template, ...]) -> list[str]:
    return [each.id for each in found]


# --- the data -----------------------------------------------------------------------------------


def test_all_of_the_original_are_there_and_many_more() -> None:
    assert set(ORIGINAL) <= set(TEMPLATES)
    assert len(ORIGINAL) == 26
    assert len(TEMPLATES) >= 44


def test_no_id_or_name_is_there_twice() -> None:
    text = (files("studio.catalog") / "templates.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)["templates"]
    assert len({each["id"] for each in read}) == len({each["name"] for each in read}) == len(read)
    assert list(TEMPLATES) == [each["id"] for each in read]


@pytest.mark.parametrize("each", TEMPLATES.values(), ids=lambda each: str(each.id))
def test_every_template_is_sound(each: catalog.Template) -> None:
    assert 64 <= each.width <= 4_096
    assert 64 <= each.height <= 4_096
    assert each.style in {"", *STABILITY}
    assert len(set(each.use_cases)) == len(each.use_cases)
    assert dt.date(2026, 8, 1) <= each.checked <= dt.datetime.now(dt.UTC).date()
    assert "." in each.source or "original" in each.source, "no host"
    assert each.description.endswith(".")
    assert each in listed(each.platform, each.category)


def test_every_category_has_templates_also_those_that_the_original_left_empty() -> None:
    assert all(len(listed(category=each)) >= 2 for each in CATEGORIES)
    assert len(listed(category="advertising")) >= 8
    assert len(listed(category="product")) >= 5


def test_platforms_are_those_of_the_templates() -> None:
    assert all(listed(each) for each in PLATFORMS)
    assert {each.platform for each in TEMPLATES.values()} == set(PLATFORMS)


@pytest.mark.parametrize(
    ("name", "size", "ratio"),
    [
        ("instagram_feed_portrait", (1080, 1350), "4:5"),
        ("youtube_channel_art", (2560, 1440), "16:9"),
        ("linkedin_cover", (1128, 191), "1128:191"),
        ("email_banner", (1200, 400), "3:1"),
        ("google_display_leaderboard", (728, 90), "364:45"),
        ("amazon_main_image", (2000, 2000), "1:1"),
        ("podcast_cover", (3000, 3000), "1:1"),
    ],
)
def test_sizes_are_those_of_the_platforms(name: str, size: tuple[int, int], ratio: str) -> None:
    found = template(name)
    assert ((found.width, found.height), found.ratio) == (size, ratio)


def test_sizes_that_stand_in_both_catalogues_have_one_shape() -> None:
    pairs = {
        "instagram_feed_square": "instagram_feed_post_square",
        "instagram_feed_portrait": "instagram_feed_post_portrait",
        "instagram_story": "instagram_story",
        "facebook_cover": "facebook_cover_photo",
        "twitter_post": "twitter_post",
        "youtube_channel_art": "youtube_channel_art",
    }
    for name, other in pairs.items():
        one, two = template(name), catalog.social_format(other)
        assert one.width * two.height == one.height * two.width, name


def test_what_is_known_by_heart_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TEMPLATES["mine"] = TEMPLATES["instagram_story"]  # type: ignore[index]
    with pytest.raises(ValidationError, match="frozen"):
        TEMPLATES["instagram_story"].width = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        {"width": 63},
        {"height": 4_097},
        {"category": "ad_creative"},
        {"quality": "best"},
        {"id": "Instagram Story"},
        {"use_cases": []},
        {"source": " "},
        {"checked": "soon"},
        {"provider": "wavespeed"},
    ],
    ids=str,
)
def test_wrong_data_are_not_read(change: dict[str, object]) -> None:
    right = TEMPLATES["instagram_story"].model_dump()
    assert catalog.Template.model_validate(right) == TEMPLATES["instagram_story"]
    with pytest.raises(ValidationError):
        catalog.Template.model_validate(right | change)


# --- by id, platform, category ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("instagram_stori", "instagram_story"),
        ("Instagram Story", "instagram_story"),
        ("podcast-covers", "podcast_cover"),
        ("youtube_thumnail", "youtube_thumbnail"),
    ],
)
def test_an_unknown_id_is_refused_with_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        template(wrong)
    assert caught.value.field == "template"
    assert caught.value.given == wrong
    assert (caught.value.allowed or "").split(", ")[0] == meant


@pytest.mark.parametrize("wrong", ["", "zzz", "§" * 100_000])
def test_an_id_like_nothing_is_told_what_ids_are_like(wrong: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        template(wrong)
    assert caught.value.allowed == (
        f"one of {len(TEMPLATES)}, such as instagram_feed_square, instagram_feed_portrait, "
        "instagram_story, instagram_reel_cover, instagram_feed_tall"
    )


def test_both_filters_count_together() -> None:
    assert listed() == tuple(TEMPLATES.values())
    both = listed("linkedin", "advertising")
    assert set(both) == set(listed("linkedin")) & set(listed(category="advertising"))
    assert ids(both) == ["linkedin_ad_landscape", "linkedin_ad_square", "linkedin_ad_vertical"]
    assert listed("podcast", "advertising") == ()


@pytest.mark.parametrize("look", [listed, lambda **by: search("story", **by)])
@pytest.mark.parametrize(
    ("by", "wrong", "allowed"),
    [("platform", "myspace", PLATFORMS), ("category", "ad_creative", CATEGORIES)],
)
def test_an_unknown_platform_or_category_is_refused_with_all_that_there_are(
    look: object, by: str, wrong: str, allowed: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        look(**{by: wrong})  # type: ignore[operator]
    assert (caught.value.field, caught.value.given) == (by, wrong)
    assert caught.value.allowed == ", ".join(allowed)


# --- search -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("instagram story", ["instagram_story", "meta_ad_story"]),
        ("Instagram STORIES", ["instagram_story", "meta_ad_story"]),
        ("a story for the instagram", ["instagram_story", "meta_ad_story"]),
        ("instgram storry", ["instagram_story", "meta_ad_story"]),
        ("podcst", ["podcast_cover"]),
        ("youtube banner", ["youtube_channel_art"]),
        ("email header", ["email_banner"]),
        ("728x90", ["google_display_leaderboard"]),
        ("728 \u00d7 90", ["google_display_leaderboard"]),
        ("sticker", ["telegram_sticker", "whatsapp_sticker"]),
        ("banana", []),
        ("of the for", []),
        ("...", []),
    ],
)
def test_search_finds(query: str, found: list[str]) -> None:
    assert ids(search(query)) == found


@pytest.mark.parametrize(
    ("query", "places"), [("product", {0, 2, 4}), ("website", {0, 1}), ("facebook", {0, 3})]
)
def test_name_platform_use_case_description_and_category_count_in_this_order(
    query: str, places: set[int]
) -> None:
    found = [_place(query, each) for each in search(query)]
    assert found == sorted(found)
    assert set(found) == places


def _place(word: str, of: catalog.Template) -> int:
    texts = [of.name, of.platform, " ".join(of.use_cases), of.description, of.category]
    return next(rank for rank, text in enumerate(texts) if word in words(text.replace("_", " ")))


def index(**texts: str) -> Index:
    return Index({name: Entry({"text": frozenset(words(text))}) for name, text in texts.items()})


def test_a_word_as_it_is_counts_more_than_the_beginning_of_one() -> None:
    both = index(longer="storefront", itself="store")
    assert [name for name, _ in both.look("store", ["longer", "itself"])] == ["itself", "longer"]
    assert [name for name, _ in both.look("stor", ["longer", "itself"])] == ["longer", "itself"]
    assert both.look("st", ["longer", "itself"]) == [], "two letters are the beginning of anything"


def test_what_has_more_of_the_words_is_all_that_is_found() -> None:
    assert len(search("story")) > len(search("pinterest story")) == 1


def test_a_typing_error_is_forgiven_only_where_the_word_stands_nowhere() -> None:
    near = index(itself="store", other="story")
    assert [name for name, _ in near.look("store", ["itself", "other"])] == ["itself"]
    assert near.look("store", ["other"]) == []
    begins = index(longer="storefront", other="stork")
    assert [name for name, _ in begins.look("store", ["longer", "other"])] == ["longer"]
    assert [name for name, _ in index(other="stork").look("store", ["other"])] == ["other"]


def test_search_within_a_platform_and_category() -> None:
    assert ids(search("9:16", platform="snapchat")) == ["snapchat_story", "snapchat_ad"]
    assert ids(search("9:16", "snapchat", "advertising")) == ["snapchat_ad"]
    assert search("sticker", "instagram") == ()


@pytest.mark.parametrize("query", ["", "  ", "x" * 201])
@pytest.mark.parametrize("look", [search, recommend])
def test_no_words_and_too_many_are_refused(look: object, query: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        look(query)  # type: ignore[operator]
    assert caught.value.field == "query"
    assert caught.value.allowed == "1 to 200 characters"


@given(st.text(min_size=1, max_size=200).filter(str.strip))
@settings(deadline=2_000, max_examples=150)
def test_whatever_is_typed_is_answered_and_always_alike(query: str) -> None:
    found = search(query)
    assert found == search(query)
    assert len(set(ids(found))) == len(found)
    assert set(found) <= set(TEMPLATES.values())
    recommended = [each.template for each in recommend(query)]
    assert set(recommended) == set(found)
    assert all(each.reason for each in recommend(query))


_VOCABULARY = sorted({word for each in TEMPLATES.values() for word in query_words(each.name)})


@given(st.lists(st.sampled_from(_VOCABULARY), min_size=1, max_size=4), st.sampled_from(PLATFORMS))
@settings(deadline=2_000, max_examples=100)
def test_a_filter_only_leaves_out(asked: list[str], platform: str) -> None:
    query = " ".join(asked)
    assert search(query), "every word stands in a name"
    assert all(each.platform == platform for each in search(query, platform))
    of_all = [each for each in search(query) if each.platform == platform]
    if of_all:
        assert list(search(query, platform)) == of_all


@given(st.sampled_from(list(TEMPLATES.values())))
def test_whoever_types_a_name_gets_that_template_first(each: catalog.Template) -> None:
    assert search(each.name)[0] == each


@given(st.sampled_from([word for word in _VOCABULARY if len(word) >= 6]), st.data())
def test_two_letters_in_the_wrong_order_are_forgiven(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(word) - 2))
    turned = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    meant = set(search(word))
    assert meant & set(search(turned)), turned


# --- recommend ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use_case", "platform", "first", "reason"),
    [
        ("newsletter", "", "linkedin_article", "good for newsletter; 1200x627, premium quality"),
        ("hiring", "", "linkedin_post_portrait", "good for hiring; 1080x1350, standard quality"),
        (
            "a product launch",
            "google_play",
            "google_play_feature_graphic",
            "good for app launch; of the category product; 1024x500, standard quality",
        ),
        (
            "story about a promotion",
            "facebook",
            "facebook_story",
            "good for promotion; story in its name; 1080x1920, standard quality",
        ),
        (
            "recipes",
            "",
            "pinterest_pin",
            "good for recipe; 1000x1500, premium quality",
        ),
    ],
)
def test_recommendations_say_why(use_case: str, platform: str, first: str, reason: str) -> None:
    best = recommend(use_case, platform)[0]
    assert (best.template.id, best.reason) == (first, reason)


def test_the_use_case_counts_more_than_the_name() -> None:
    by_use = [each.template for each in recommend("shopping")]
    assert [each.id for each in by_use] == ["pinterest_ad", "google_merchant_product"]
    assert ids(search("shopping")) == ["google_merchant_product", "pinterest_ad"]


def test_nothing_suits_and_an_unknown_platform() -> None:
    assert recommend("banana") == ()
    with pytest.raises(InvalidRequest, match="no such platform"):
        recommend("newsletter", "myspace")
