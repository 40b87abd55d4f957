"""A real chain of versions: drawn, enlarged, brought to formats, by the local provider."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from interfaces.cli.opening import opened_studio
from studio.catalog import SOCIAL_FORMATS
from studio.operations import Compress, Generate, SocialExport, Upscale
from tests.support.homes import command
from tests.support.shelves import OWNER, Shelf, made
from tests.support.studios import execute, order_for

_STORY, _POST = "instagram_story", "linkedin_feed_post"


class Chain:
    """The ids of each step."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        size = {"width": 96, "height": 64, "seed": 7, "provider": "local"}
        with opened_studio() as studio:
            self.drawn = made(studio, Generate(prompt="a green hill", **size), "drawn")
            enlarge = Upscale(image=self.drawn, factor="2x", model="lanczos", provider="local")
            self.large = made(studio, enlarge, "large")
            fit = SocialExport(image=self.large, formats=[_STORY, _POST], provider="local")
            job = execute(studio, order_for(studio, fit, "formats", owner=OWNER))
            self.story, self.post = job.asset_ids()
            self.small = made(studio, Compress(image=self.drawn, provider="local"), "small")
            self.stranger = made(studio, Generate(prompt="a blue sea", **size), "other")

    @property
    def all(self) -> list[str]:
        return [self.drawn, self.large, self.story, self.post, self.small]


@pytest.fixture(scope="module")
def chain(empty: Shelf) -> Chain:
    return Chain(empty)


def test_from_any_of_them_the_whole_tree_is_told(chain: Chain) -> None:
    for asset in chain.all:
        told = chain.shelf.do("versions", asset)
        assert (told["root"], told["cut"]) == (chain.drawn, False)
        before = {each["asset"]: each["before"] for each in told["versions"]}
        assert before == {
            chain.drawn: None,
            chain.large: chain.drawn,
            chain.story: chain.large,
            chain.post: chain.large,
            chain.small: chain.drawn,
        }
        assert [each["number"] for each in told["versions"]] == [1, 2, 3, 4, 5]
        assert [each["asset"] for each in told["versions"]] == chain.all
    alone = chain.shelf.do("versions", chain.stranger)
    assert [each["asset"] for each in alone["versions"]] == [chain.stranger]


def test_each_step_is_in_one_lineage_with_what_led_to_it(chain: Chain) -> None:
    told = chain.shelf.do("lineage", chain.large)
    steps = {each["id"]: each["steps"] for each in told["related"]}
    assert steps == {chain.drawn: -1, chain.large: 0, chain.story: 1, chain.post: 1}
    edges = {(each["parent"], each["asset"], each["field"]) for each in told["edges"]}
    assert edges == {
        (chain.drawn, chain.large, "image"),
        (chain.large, chain.story, "image"),
        (chain.large, chain.post, "image"),
    }
    assert not told["cut"]
    whole = chain.shelf.do("lineage", chain.drawn)["related"]
    assert {each["id"]: each["steps"] for each in whole} == {
        chain.drawn: 0,
        chain.large: 1,
        chain.small: 1,
        chain.story: 2,
        chain.post: 2,
    }
    short = chain.shelf.do("lineage", chain.drawn, "--depth", "1")
    assert {each["id"] for each in short["related"]} == {chain.drawn, chain.large, chain.small}


def test_sizes_are_what_each_step_promised(chain: Chain) -> None:
    sizes = {
        each["asset"]: (each["width"], each["height"])
        for each in chain.shelf.do("versions", chain.drawn)["versions"]
    }
    formats = [SOCIAL_FORMATS[each] for each in (_STORY, _POST)]
    assert [sizes[each] for each in chain.all] == [
        *((96, 64), (192, 128)),
        *((each.width, each.height) for each in formats),
        (96, 64),
    ]


def test_one_is_made_current_and_an_earlier_one_again_and_nothing_is_lost(chain: Chain) -> None:
    shelf = chain.shelf
    assert shelf.do("versions", chain.drawn)["current"] == chain.small, "the newest"
    for chosen in (chain.large, chain.drawn, chain.drawn):
        shelf.do("current", chosen)
        told = shelf.do("versions", chain.post)
        assert (told["current"], told["chosen"]) == (chosen, True)
        assert [each["asset"] for each in told["versions"] if each["current"]] == [chosen]
    assert "v1 *" in shelf.say("versions", chain.post).out
    assert set(shelf.ids("list")) == {*chain.all, chain.stranger}


def test_two_are_compared_in_words_and_as_one_picture(chain: Chain, tmp_path: Path) -> None:
    file = tmp_path / "both.png"
    told = chain.shelf.do("compare", chain.drawn, chain.large, "--to", str(file))
    differ = {each["field"]: (each["one"], each["other"]) for each in told["differences"]}
    assert differ["operation"] == ("generate", "upscale")
    assert (differ["width"], differ["height"]) == ((96, 192), (64, 128))
    assert len(differ) == len(told["differences"]), "each is told once"
    assert differ["factor"] == (None, "2x")
    assert not told["same_bytes"]
    with Image.open(file) as sheet:
        assert sheet.width > sheet.height
    file.write_bytes(b"something of mine")
    assert chain.shelf.refused("compare", chain.drawn, chain.large, "--to", str(file))[0] == 2
    assert file.read_bytes() == b"something of mine"


def test_it_is_told_what_it_would_cost_to_run_one_again_and_nothing_is_bought(
    chain: Chain,
) -> None:
    shelf = chain.shelf
    before = command("account", "show", "--json").document
    told = shelf.do("again", chain.drawn, "--check")
    asked = told["operation"]
    assert (asked["prompt"], asked["seed"], asked["provider"]) == ("a green hill", 7, "local")
    same = command("quote", "generate", "--json", *_words(asked)).document
    assert told["quote"]["total"] == same["quote"]["total"] > 0
    changed = shelf.do("again", chain.large, "--check", "--set", "factor=4x")["operation"]
    assert (changed["factor"], changed["image"]) == ("4x", chain.drawn)
    new = shelf.do("again", chain.drawn, "--check", "--new-seed")["operation"]
    assert new["seed"] != 7
    assert command("account", "show", "--json").document == before
    assert len(shelf.ids("list")) == len(chain.all) + 1


def _words(asked: dict[str, object]) -> list[str]:
    names = ("prompt", "width", "height", "seed", "provider", "model")
    return [word for name in names for word in (f"--{name}", str(asked[name]))]
