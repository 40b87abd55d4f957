"""Real-ESRGAN is there with its extra, checked, and otherwise refused with the command."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from providers.contract import Request
from providers.inputs import Input
from providers.local import extras, finest
from providers.local.enlarge import FACTOR
from providers.local.provider import LocalProvider, local_offers
from studio import imaging
from studio.errors import WeightsMissing
from studio.operations import UpscaleConservative

(OFFER,) = [offer for offer in local_offers() if offer.operation == "upscale_conservative"]


def order(**values: Any) -> UpscaleConservative:
    return UpscaleConservative(image="a", prompt="a cat", **values)


def test_it_is_four_times_as_large_true_to_the_picture_and_says_how(cat: Image.Image) -> None:
    small = cat.crop((290, 100, 306, 114)).convert("RGBA")
    small.putpixel((0, 0), (0, 0, 0, 0))
    request = Request(order(output_format="png"), {"image": imaging.encode(small, "png")})
    delivery = finest.upscale_conservative(OFFER, request, Path())
    (output,) = delivery.outputs
    large = imaging.open_picture(output.data)
    assert (large.mode, large.size) == ("RGBA", (16 * FACTOR, 14 * FACTOR))
    assert (output.width, output.height) == large.size
    again = np.asarray(large.convert("RGB").resize(small.size, Image.Resampling.BOX), float)
    apart = np.abs(again - np.asarray(small.convert("RGB"), float))[2:, 2:]
    assert apart.mean() < 8
    assert "no words are read" in delivery.method
    assert delivery.facts["not_done"] == ["prompt: a cat"]


def test_without_the_extra_it_is_refused_with_its_size_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = LocalProvider(tmp_path, width=1)
    assert provider.not_ready(OFFER) == ""
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert provider.not_ready(OFFER) == (
        'lacks the extra hq (43 MB): run `pip install "image-studio[hq]"`'
    )


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_files_other_than_the_pinned_ones_are_not_used(
    harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finest._folder(), tmp_path / "models")
    parameters = tmp_path / "models" / finest._PARAMETERS
    if harm == "gone":
        parameters.unlink()
    else:
        data = bytearray(parameters.read_bytes())
        data[1_000_000] ^= 1
        parameters.write_bytes(data)
    monkeypatch.setattr(finest, "_folder", lambda: tmp_path / "models")
    with pytest.raises(WeightsMissing) as caught:
        finest._network()
    assert "image-studio[hq]" in str(caught.value.details)


@pytest.mark.parametrize(
    ("values", "size", "words"),
    [
        ({}, (512, 512), ""),
        ({}, (513, 512), "262144 pixels"),
        ({"creativity": 0.5}, (64, 64), "creativity"),
        ({"negative_prompt": "dogs"}, (64, 64), "negative_prompt"),
    ],
)
def test_what_would_take_too_long_or_mean_nothing_is_refused(
    values: dict[str, Any], size: tuple[int, int], words: str
) -> None:
    picture = Input("image", "image/png", 1_000, *size)
    reason = OFFER.refusal(order(**values), [picture])
    assert words in reason
    assert bool(reason) == bool(words)
    assert OFFER.fallback
