"""A face speaks when the recording does, blinks, and leaves the rest of the picture alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from providers.contract import Delivery, Request
from providers.inputs import Input
from providers.local.motion import WORK, facemesh, film, speech, work
from providers.local.motion.puppet import Puppet
from studio import media
from studio.errors import ProviderRejected
from studio.operations import TalkingAvatar
from tests.unit.local.motion_kit import OFFERS, Floats, frames_of, png, streams_of, tone, wav

Run = Callable[..., Delivery]

QUIET_THEN_LOUD = np.concatenate([np.zeros(16_000, np.float32), tone(1.0)])


@pytest.fixture(scope="module")
def run(weights: Path) -> Run:
    def run(
        image: Image.Image, sound: Floats, mask: Image.Image | None = None, **fields: object
    ) -> Delivery:
        files = {"image": png(image), "audio": wav(sound)} | ({"mask": png(mask)} if mask else {})
        given = {"image": "a", "audio": "b", "resolution": "480p", "seed": 3} | fields
        operation = TalkingAvatar.model_validate(given)
        return WORK["local/puppet"](OFFERS["local/puppet"], Request(operation, files), weights)

    return run


@pytest.fixture(scope="module")
def spoken(run: Run, astronaut: Image.Image) -> Delivery:
    return run(astronaut, QUIET_THEN_LOUD, prompt="she waves")


@pytest.fixture(scope="module")
def mesh(astronaut: Image.Image, weights: Path) -> facemesh.Mesh:
    return facemesh.find_meshes(np.asarray(astronaut), weights)[0]


def test_the_points_lie_on_the_face(mesh: facemesh.Mesh) -> None:
    assert mesh.points.shape == (468, 3)
    for number, place in (  # looked up in the picture, 512 x 512
        (facemesh.RIGHT_EYE_OUT, (199, 103)),
        (facemesh.LEFT_EYE_OUT, (253, 105)),
        (facemesh.NOSE, (223, 126)),
        (facemesh.LIP_BOTTOM, (223, 148)),
        (facemesh.CHIN, (220, 171)),
    ):
        assert np.hypot(*(mesh.points[number, :2] - place)) < 9, number
    assert mesh.yaw < 6


def test_a_tilted_face_is_found_the_same(
    astronaut: Image.Image, weights: Path, mesh: facemesh.Mesh
) -> None:
    degrees = 20
    tilted = astronaut.rotate(degrees, Image.Resampling.BICUBIC)
    points = facemesh.find_meshes(np.asarray(tilted), weights)[0].points[:, :2]
    turn = math.radians(degrees)
    back = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    there = (points - 255.5) @ back.T + 255.5
    assert np.median(np.hypot(*(there - mesh.points[:, :2]).T)) < 3


def test_the_video_lasts_as_long_as_the_recording(spoken: Delivery) -> None:
    output = spoken.outputs[0]
    seen = media.look(output.data)
    assert (seen.width, seen.height, seen.seconds) == (480, 480, 2.0)
    assert (output.width, output.height) == (480, 480)
    video, audio = streams_of(output.data)
    assert (video.codec, video.pixels) == ("h264", "yuv420p")
    assert audio is not None
    assert abs(audio.seconds - 2.0) < 0.05
    assert spoken.facts["not_done"] == ["she waves"]


def test_the_mouth_opens_only_when_it_is_heard(spoken: Delivery, mesh: facemesh.Mesh) -> None:
    frames = frames_of(spoken.outputs[0].data)
    assert len(frames) == 50
    x, y = (mesh.points[facemesh.LIP_BOTTOM, :2] * 480 / 512).astype(int)
    dark = [float((f[y - 6 : y + 22, x - 14 : x + 14].mean(axis=2) < 70).mean()) for f in frames]
    assert max(dark[:22]) < 0.02
    assert np.median(dark[30:48]) > 0.12


def test_what_is_far_from_the_face_stays(spoken: Delivery, astronaut: Image.Image) -> None:
    poster = np.asarray(astronaut.resize((480, 480), Image.Resampling.LANCZOS), int)
    for frame in frames_of(spoken.outputs[0].data)[::7]:
        assert np.abs(frame[360:] - poster[360:]).mean() < 3


def test_the_lips_part_where_they_are(astronaut: Image.Image, mesh: facemesh.Mesh) -> None:
    rgb = np.asarray(astronaut)
    still, wide = rgb.copy(), rgb.copy()
    nothing = speech.Performance(np.zeros(1), np.zeros(1), np.zeros(1), np.zeros((1, 3)))
    Puppet(rgb, mesh.points).play(still, nothing, 0)
    assert np.abs(still.astype(int) - rgb).mean() < 0.05  # at rest it is the picture
    opened = replace(nothing, opening=np.ones(1))
    Puppet(rgb, mesh.points).play(wide, opened, 0)
    changed = np.abs(wide.astype(int) - rgb).sum(axis=2) > 12
    nose = int(mesh.points[facemesh.NOSE, 1])
    assert not changed[:nose].any()
    assert changed[nose:].sum() > 800
    chin = mesh.points[facemesh.CHIN, :2].astype(int)
    assert changed[chin[1] - 4 : chin[1] + 12, chin[0] - 10 : chin[0] + 10].mean() > 0.3


def test_a_blink_covers_the_pupils(astronaut: Image.Image, mesh: facemesh.Mesh) -> None:
    rgb = np.asarray(astronaut)
    shut = rgb.copy()
    performance = speech.Performance(np.zeros(1), np.zeros(1), np.ones(1), np.zeros((1, 3)))
    Puppet(rgb, mesh.points).play(shut, performance, 0)
    for upper, lower, _ in facemesh.EYES:
        x, y = mesh.points[[*upper, *lower], :2].mean(axis=0).astype(int)
        before, after = (float(each[y - 1 : y + 2, x - 2 : x + 3].mean()) for each in (rgb, shut))
        assert after > before + 25


def test_loudness_opens_and_brightness_spreads() -> None:
    loud = tone(1.0)
    hiss = np.random.default_rng(1).normal(0, 0.15, 16_000).astype(np.float32)
    hiss = np.diff(hiss, prepend=0)  # its high tones
    opening, spread = speech.listen(np.concatenate([loud, loud * 0.1, hiss, loud * 0]), 100)
    parts = [slice(25 * i + 3, 25 * i + 22) for i in range(4)]
    assert opening[parts[0]].mean() > 0.8
    assert 0.02 < opening[parts[1]].mean() < 0.4
    assert opening[parts[3]].max() == 0
    assert spread[parts[2]].mean() > spread[parts[0]].mean() + 0.2
    assert not speech.listen(np.zeros(16_000), 25)[0].any()


def test_blinks_come_now_and_then_and_depend_on_the_seed() -> None:
    one, same, other = (speech.perform(np.zeros(16_000 * 20), seed) for seed in (1, 1, 2))
    assert np.array_equal(one.blink, same.blink)
    assert np.array_equal(one.sway, same.sway)
    assert not np.array_equal(one.blink, other.blink)
    count = int((np.diff((one.blink > 0.9).astype(int)) == 1).sum())
    assert 3 <= count <= 10
    assert not one.sway[0].any()  # it begins with the picture as it is


def test_the_mask_says_who_speaks(run: Run, astronaut: Image.Image) -> None:
    two = Image.new("RGB", (800, 400))
    face = astronaut.crop((60, 0, 460, 400))
    two.paste(face, (0, 0))
    two.paste(face, (400, 0))
    mask = Image.new("L", two.size)
    mask.paste(255, (0, 0, 400, 400))
    delivery = run(two, tone(1.0), mask)
    assert delivery.facts["speakers"] == 1
    first, *_, last = frames_of(delivery.outputs[0].data)[:20]
    width = first.shape[1] // 2
    moved = np.abs(last.astype(int) - first)
    assert moved[:, :width].mean() > 4 * moved[:, width:].mean()
    assert (moved[:, width + 60 :].max(axis=2) > 40).mean() < 0.001
    assert run(two, tone(0.4)).facts["speakers"] == 2
    with pytest.raises(ProviderRejected) as refused:
        run(two, tone(0.4), Image.new("L", two.size))
    assert refused.value.field == "mask"


def test_without_a_face_it_is_refused(run: Run, coffee: Image.Image) -> None:
    with pytest.raises(ProviderRejected) as refused:
        run(coffee, tone(0.4))
    assert refused.value.field == "image"
    assert "wavespeed" in refused.value.message
    assert refused.value.bought is False


def test_a_profile_is_refused(
    run: Run, astronaut: Image.Image, mesh: facemesh.Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaws = []
    for degrees in (0, 30, 50, 80):
        turn = math.radians(degrees)
        about = mesh.points - mesh.points.mean(axis=0)
        about[:, 0], about[:, 2] = (
            math.cos(turn) * about[:, 0] + math.sin(turn) * about[:, 2],
            math.cos(turn) * about[:, 2] - math.sin(turn) * about[:, 0],
        )
        turned = replace(mesh, points=about + mesh.points.mean(axis=0))
        yaws.append(turned.yaw)
    assert yaws == sorted(yaws)
    assert yaws[1] < work._TURNED < yaws[2]
    monkeypatch.setattr(facemesh, "find_meshes", lambda *_: [turned])
    with pytest.raises(ProviderRejected, match="turned too far") as refused:
        run(astronaut, tone(0.4))
    assert refused.value.field == "image"


def test_a_face_too_small_to_draw_on_is_refused(run: Run, astronaut: Image.Image) -> None:
    far = Image.new("RGB", (1600, 1600), (90, 120, 150))
    far.paste(astronaut.resize((320, 320)), (600, 600))
    with pytest.raises(ProviderRejected) as refused:
        run(far, tone(0.4))
    assert refused.value.field == "image"
    assert "40 pixels" in str(refused.value.allowed)


def test_the_same_request_gives_the_same_bytes(
    spoken: Delivery, run: Run, astronaut: Image.Image
) -> None:
    again = run(astronaut, QUIET_THEN_LOUD, prompt="she waves").outputs[0].data
    assert again == spoken.outputs[0].data
    other = run(astronaut, QUIET_THEN_LOUD, prompt="she waves", seed=4).outputs[0].data
    assert other != again


def test_long_recordings_are_refused_before_anything_is_held() -> None:
    offer = OFFERS["local/puppet"]
    asked = TalkingAvatar(image="a", audio="b")
    picture = Input("image", width=512, height=512)
    for seconds, word in ((60, ""), (60.1, "at most 60 seconds"), (0.1, "at least 0.2 seconds")):
        sound = Input("audio", "audio/wav", seconds=seconds)
        assert word in offer.refusal(asked, (picture, sound))
        assert bool(word) == bool(offer.refusal(asked, (picture, sound)))
    sixty = Input("audio", "audio/wav", seconds=59.2)
    assert offer.quantity(asked, (picture, sixty)) == 60


def test_reading_stops_where_it_is_told() -> None:
    assert film.read_sound(wav(tone(3.0)), 16_000, 1, 1.0).shape == (1, 16_000)
