"""Auto tags tell what was measured, say how, and read their network without running it."""

from __future__ import annotations

import io
import json
import pickle
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from providers.contract import Request
from providers.local import tags
from providers.local.provider import LocalProvider
from providers.local.tags import checkpoint, lite, vocabulary, work
from providers.local.tags.checkpoint import read_checkpoint
from providers.local.tags.tints import main_colours
from providers.offers import read_offers
from studio import imaging
from studio.errors import SetupIncomplete
from studio.operations import TagImage

(OFFER,) = read_offers("providers.local.tags")
ONE_OF = ["caption", "tags", "objects", "colors"]


def tagged(image: Image.Image, weights: Path, **values: Any) -> tuple[dict[str, Any], Any]:
    """What was told of a picture, and the delivery."""
    request = Request(TagImage(image="a.png", **values), {"image": imaging.encode(image, "png")})
    delivery = tags.WORK[OFFER.id](OFFER, request, weights)
    (output,) = delivery.outputs
    assert output.media_type == "application/json"
    return json.loads(output.data), delivery


def test_a_cup_of_coffee(coffee: Image.Image, weights: Path) -> None:
    told, delivery = tagged(coffee, weights)
    assert list(told) == ONE_OF, "the same as from other providers"
    assert told["objects"] == ["espresso"]
    assert told["tags"] == ["espresso", *told["colors"], "horizontal"]
    assert {"brown", "red"} <= set(told["colors"])
    assert told["caption"].startswith("Auto tags: espresso; mostly ")
    assert delivery.facts["likely"]["espresso"] > 0.9
    assert "not an AI caption" in delivery.method


def test_a_cat_is_a_cat_whatever_its_breed(cat: Image.Image, weights: Path) -> None:
    told, delivery = tagged(cat, weights)
    likely = delivery.facts["likely"]
    assert told["objects"][0] == "cat"
    assert likely["cat"] > 0.85
    assert all(value > 0.15 for value in likely.values())
    assert likely["cat"] > max(value for name, value in likely.items() if name != "cat")


def test_a_person_is_told_by_the_face_alone(astronaut: Image.Image, weights: Path) -> None:
    """The network knows no people; what it guesses at instead (a football helmet) is not told."""
    told, delivery = tagged(astronaut, weights)
    assert told["objects"] == ["person", "face"]
    assert delivery.facts["faces"] == 1
    assert "1 face" in told["caption"]
    assert told["tags"][-1] == "square"
    seen = work.look(Image.fromarray(np.hstack([np.asarray(astronaut)] * 2)), weights)
    assert seen.faces == 2
    assert seen.format == "horizontal"
    assert work._people(2) == ["people", "faces"]


def test_most_tags_and_nothing_known(weights: Path, cat: Image.Image) -> None:
    assert len(tagged(cat, weights, most_tags=1)[0]["tags"]) == 1
    told, _ = tagged(Image.new("RGB", (40, 90), "#c01818"), weights)
    assert told["objects"] == []
    assert told["tags"] == ["red", "vertical"]
    assert told["caption"] == ("Auto tags: no thing that is known here; mostly red; vertical.")


def test_what_is_transparent_has_no_colour(weights: Path) -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    assert main_colours(image) == {}
    told, _ = tagged(image, weights)
    assert told["colors"] == []
    image.paste((24, 72, 176, 255), (0, 0, 32, 64))
    assert main_colours(image) == {"blue": 1.0}


def test_colours_are_counted() -> None:
    image = Image.new("RGB", (90, 60), "white")
    image.paste((0x20, 0x80, 0x30), (0, 0, 60, 60))
    image.paste((0xF0, 0xD0, 0x20), (60, 0, 64, 60))
    assert list(main_colours(image)) == ["green", "white"], "a twentieth of yellow is not mostly"
    assert main_colours(image)["green"] == pytest.approx(2 / 3, abs=0.02)


@pytest.mark.parametrize("name", sorted(vocabulary.words().colours))
def test_every_colour_is_called_by_its_own_name(name: str) -> None:
    for value in vocabulary.words().colours[name]:
        assert list(main_colours(Image.new("RGB", (8, 8), value))) == [name], value


def test_names_are_plain_and_groups_hold_what_they_say(weights: Path) -> None:
    names = vocabulary.kinds(weights)
    assert len(names) == 1_000
    assert all(name == name.lower().strip() and name for name in names)
    assert not [name for name in names if "(" in name or "/" in name or name.startswith("a ")]
    groups = {
        group: {names[kind] for kind in members}
        for group, members in vocabulary.words().groups.items()
    }
    for group, some in {
        "dog": {"beagle", "golden retriever", "dalmatian", "chihuahua"},
        "cat": {"tabby cat", "siamese cat", "striped cat"},
        "big cat": {"lion", "cheetah", "tiger"},
        "bird": {"ostrich", "king penguin", "flamingo", "rooster"},
        "snake": {"garter snake", "indian cobra"},
        "car": {"convertible", "minivan", "sports car"},
        "boat": {"catamaran", "yawl"},
        "building": {"palace", "lighthouse", "barn"},
        "fruit": {"banana", "lemon"},
        "bear": {"brown bear", "polar bear"},
    }.items():
        assert some <= groups[group], group
    assert not groups["dog"] & groups["cat"]
    assert "grey wolf" not in groups["dog"]


def test_the_likelihoods_are_those_of_the_published_network(
    coffee: Image.Image, weights: Path
) -> None:
    likely = lite.recognize(np.asarray(coffee), weights)
    assert likely.sum() == pytest.approx(1, abs=1e-4)
    assert np.flatnonzero(likely > 0.9).tolist() == [967]
    tensors = read_checkpoint(weights / lite.FILE)
    learned = [v for name, v in tensors.items() if "running" not in name and "num_" not in name]
    assert sum(values.size for values in learned) == 4_652_008, "4.65 million, as Lite0 has"


class _Harmful:
    """What would run as the file is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def saved(path: Path, outlines: object, keys: list[str], values: bytes) -> Path:
    """A file of the checkpoint's format."""
    parts = (checkpoint._MAGIC, checkpoint._PROTOCOL, {"little_endian": True}, outlines, keys)
    path.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts) + values)
    return path


def test_a_checkpoint_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "harmed"
    file = saved(tmp_path / "net.pth", OrderedDict(evil=_Harmful(mark)), [], b"")
    with pytest.raises(SetupIncomplete, match="it names "):
        read_checkpoint(file)
    assert not mark.exists()
    with file.open("rb") as opened:
        for _ in range(4):
            pickle.load(opened)  # noqa: S301 - shows that it would have run
    assert mark.exists()


@pytest.mark.parametrize(
    ("size", "stride", "offset", "count", "words"),
    [
        ((2, 2), (2, 1), 0, 4, ""),
        ((2, 2), (1, 2), 0, 4, ""),
        ((2, 2), (2, 1), 1, 4, "beyond its storage"),
        ((2, 2), (200, 1), 0, 4, "beyond its storage"),
        ((2, 2), (-2, 1), 0, 4, "no possible shape"),
        ((2, 2), (2,), 0, 4, "no possible shape"),
        ((2, 2), (2, 1), 0, 9, "were announced"),
    ],
)
def test_tensors_stay_in_their_storage(
    size: tuple[int, ...], stride: tuple[int, ...], offset: int, count: int, words: str
) -> None:
    outline = checkpoint._Outline(
        ("storage", "<f4", "1", "cpu", count),
        offset,
        size,
        stride,
        False,
        None,
    )
    data = (4).to_bytes(8, "little") + np.arange(4, dtype="<f4").tobytes()
    if not words:
        values = checkpoint._values(io.BytesIO(data), outline)
        shaped = checkpoint._shaped(outline, values)
        straight = np.arange(4, dtype=np.float32).reshape(2, 2)
        assert shaped.tolist() == (straight if stride == (2, 1) else straight.T).tolist()
        return
    with pytest.raises(ValueError, match=words):
        checkpoint._shaped(outline, checkpoint._values(io.BytesIO(data), outline))


@pytest.mark.parametrize("data", [b"", b"no pickle", b"\x80\x02K\x01.", b"PK\x03\x04" + bytes(50)])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "net.pth"
    file.write_bytes(data)
    with pytest.raises(SetupIncomplete, match=r"net\.pth is no checkpoint"):
        read_checkpoint(file)


def test_without_its_network_it_is_refused_with_the_command(tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(weights, folder, ignore=shutil.ignore_patterns(".fetch-*"))
    provider = LocalProvider(folder, width=1)
    assert provider.not_ready(OFFER) == ""
    (folder / lite.FILE).unlink()
    assert provider.not_ready(OFFER) == f"lacks the weights {lite.FILE}: run `studio setup`"
