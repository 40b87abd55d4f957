"""The composer's promises: same bytes, any size, visible subjects, real styles."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from providers.local.illustrate import SCENES, STYLES, compose
from providers.local.illustrate.sprite import render
from providers.local.illustrate.subjects import subjects
from studio.errors import InvalidRequest

SMALL: dict[str, Any] = {"width": 160, "height": 120}


def digest(prompt: str, seed: int = 1, **more: Any) -> str:
    picture = compose(prompt, seed=seed, **SMALL, **more).image
    return hashlib.sha256(picture.tobytes()).hexdigest()


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert digest("a fox in the forest") == digest("a fox in the forest")


def test_each_argument_matters() -> None:
    prompt = "a fox in the forest"
    found = {
        digest(prompt),
        digest(prompt, seed=2),
        digest(prompt, seed=-1),
        digest(prompt, style="poster"),
        digest(prompt, negative_prompt="fox"),
        digest(prompt + "."),
    }
    assert len(found) == 6


def test_colours_of_a_brand_light_the_same_scene() -> None:
    brand = "#b0207a"
    plain, worn = (
        compose("two boats at sea", seed=4, width=240, height=160, colours=colours)
        for colours in ((), (brand,))
    )
    assert (plain.scene, plain.subjects) == (worn.scene, worn.subjects)
    means = [np.asarray(each.image, np.float64).mean((0, 1)) for each in (plain, worn)]
    # Magenta: green is now the least of the three, and the picture is about as light as before.
    assert means[0].argmin() != 1
    assert means[1].argmin() == 1
    assert abs(means[0].mean() - means[1].mean()) < 30


def test_a_grey_brand_takes_the_hue_away() -> None:
    grey = compose("mountains", seed=4, width=160, height=120, colours=("#808080",)).image
    assert np.ptp(np.asarray(grey, np.float64), axis=2).mean() < 25


def test_bytes_do_not_depend_on_the_processor() -> None:
    """Newer instructions (AVX2, FMA) are off in a second process: nothing may change."""
    code = (
        "import hashlib; from providers.local.illustrate import compose\n"
        "for p, s in (('two boats at sunset', ''), ('a fox in the snow', 'watercolor'),"
        " ('astronaut in space', 'low-poly'), ('a fox in the snow', 'macro'),"
        " ('a fox', 'oil-painting'), ('a city', 'stained-glass'), ('a city', 'bauhaus')):\n"
        "    image = compose(p, width=200, height=150, seed=5, style=s).image\n"
        "    print(hashlib.sha256(image.tobytes()).hexdigest())\n"
    )
    plain = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    older = {
        **plain,
        "OPENCV_CPU_DISABLE": "AVX2,AVX,FMA3",
        "OPENCV_IPP": "disabled",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 AVX2 FMA3",
    }
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env=env, capture_output=True, text=True, check=True,
        ).stdout
        for env in (plain, older)
    ]  # fmt: skip
    assert len(outputs[0].split()) == 7
    assert outputs[0] == outputs[1]


def test_no_global_random_state_is_touched() -> None:
    before = np.random.get_state()  # noqa: NPY002 - the global state is what must stay untouched
    digest("a party")
    after = np.random.get_state()  # noqa: NPY002
    assert str(before) == str(after)


@pytest.mark.parametrize("size", [(376, 64), (64, 300), (64, 64), (240, 131)])
@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_in_every_format(scene: str, size: tuple[int, int]) -> None:
    made = compose(f"{scene} with a dog and two balloons", width=size[0], height=size[1], seed=3)
    assert made.image.size == size
    assert made.image.mode == "RGB"
    assert np.asarray(made.image).std() > 4


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("subject", ["dog", "hot air balloon", "sailboat", "woman"])
def test_the_subject_is_truly_visible(scene: str, subject: str) -> None:
    made = compose(f"{subject}, {scene}", seed=4, **SMALL)
    assert len(made.subjects) == 1
    with_it = np.asarray(made.image).astype(int)
    without = np.asarray(
        compose(f"{subject}, {scene}", seed=4, negative_prompt=subject, **SMALL).image
    ).astype(int)
    changed = np.abs(with_it - without).max(axis=2) > 40
    assert changed.mean() > 0.01


def test_every_subject_can_be_drawn() -> None:
    for name, subject in subjects().items():
        sprite = render(subject, 40.0, 0.5, (0.2, 0.4, 0.9))
        assert sprite.rgb.shape[1:] == sprite.alpha.shape, name
        assert max(sprite.alpha.shape) >= 40, name
        assert (sprite.alpha > 0.5).mean() > 0.05, name


def test_subjects_are_found_by_their_names() -> None:
    for name, subject in list(subjects().items())[::25]:
        assert compose(subject.words[0], width=96, height=96, seed=0).subjects == (name,)


@pytest.mark.parametrize("style", STYLES)
def test_each_style_changes_the_picture(style: str) -> None:
    plain = np.asarray(compose("a red car in the city", seed=1, **SMALL).image).astype(int)
    made = compose("a red car in the city", seed=1, style=style, **SMALL)
    changed = np.abs(np.asarray(made.image).astype(int) - plain).max(axis=2)
    assert (changed > 12).mean() > 0.25
    assert made.ignored == ()


@pytest.mark.parametrize("size", [(64, 64), (376, 64), (64, 300)])
@pytest.mark.parametrize("style", STYLES)
def test_each_style_in_every_format(style: str, size: tuple[int, int]) -> None:
    made = compose("a fox", width=size[0], height=size[1], seed=1, style=style)
    assert made.image.size == size


def test_a_style_may_be_named_in_the_prompt_or_written_otherwise() -> None:
    plain = digest("a fox in the forest")
    assert digest("a fox in the forest, watercolor") != plain
    assert compose("a fox", seed=1, style="Line Art", **SMALL).ignored == ()


def test_an_unknown_style_is_reported() -> None:
    made = compose("a fox", seed=1, style="baroque", **SMALL)
    assert made.ignored == ("style: baroque",)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "   \n\t ",
        "\x00\x01\x1b[31m fox \ud83e",
        "лиса в лесу на рассвете",
        "森の中の狐",
        "ثعلب في الغابة",
        "\N{ROCKET}\N{PARTY POPPER}\N{ZERO WIDTH JOINER}",
        "fox " * 5000,
        "!!! ??? ... --- ''' \"\"\" <svg onload=alert(1)> {} %s",
        "9999999999 foxes",
        "e\N{COMBINING ACUTE ACCENT}" * 300,
    ],
)
def test_odd_prompts(prompt: str) -> None:
    made = compose(prompt, seed=1, **SMALL)
    assert made.image.size == (160, 120)
    assert made.scene in SCENES


@pytest.mark.parametrize(
    ("width", "height", "field"), [(63, 100, "width"), (100, 4097, "height"), (0, 0, "width")]
)
def test_sizes_out_of_range_are_refused(width: int, height: int, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        compose("a fox", width=width, height=height, seed=1)
    assert caught.value.field == field


def test_what_was_drawn_is_told() -> None:
    made = compose("a photorealistic fox and two owls in an autumn forest", seed=1, **SMALL)
    assert (made.scene, made.palette) == ("forest", "autumn")
    assert made.subjects == ("fox", "owl")
    assert made.ignored == ("photorealistic",)
