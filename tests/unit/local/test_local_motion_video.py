"""A camera's move through a picture: what the prompt says is done, and what is not is said."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import extras
from providers.local import provider as local
from providers.local.motion import WORK, film, parallax
from providers.local.motion.camera import Camera, read_camera
from studio import media
from studio.errors import ProviderRejected
from studio.operations import ImageToVideo
from tests.unit.local.motion_kit import OFFERS, frames_of, png, streams_of, tone, wav

Run = Callable[..., Delivery]


@pytest.fixture(scope="module")
def run(weights: Path) -> Run:
    def run(image: Image.Image, prompt: str, audio: bytes = b"", **fields: object) -> Delivery:
        files = {"image": png(image)} | ({"audio": audio} if audio else {})
        given = {"image": "a", "prompt": prompt, "duration": 3, "resolution": "480p", "seed": 5}
        operation = ImageToVideo.model_validate(given | fields)
        return WORK["local/parallax"](OFFERS["local/parallax"], Request(operation, files), weights)

    return run


@pytest.fixture(scope="module")
def zoomed(run: Run, coffee: Image.Image) -> Delivery:
    return run(coffee, "zoom in while steam rises", wav(tone(1.0)))


@pytest.fixture(scope="module")
def strip(coffee: Image.Image) -> Image.Image:
    """A flat part of the picture, which makes small frames: they cost less time."""
    return coffee.crop((0, 100, 600, 250))


def test_the_studio_reads_the_video_as_it_was_ordered(zoomed: Delivery) -> None:
    output = zoomed.outputs[0]
    seen = media.look(output.data)
    assert (output.media_type, seen.media_type) == ("video/mp4", "video/mp4")
    assert (seen.width, seen.height) == (output.width, output.height) == (720, 480)
    assert seen.seconds == 3.0


def test_the_poster_is_the_picture(zoomed: Delivery, coffee: Image.Image) -> None:
    data = zoomed.outputs[0].data
    poster = media.face(data, media.look(data))
    wanted = np.asarray(coffee.resize(poster.size, Image.Resampling.LANCZOS), int)
    off = np.asarray(poster, int) - wanted
    assert np.abs(off).mean() < 5  # measured 2.4; a wrong matrix of colours gives 8
    assert np.abs(off.reshape(-1, 3).mean(axis=0)).max() < 2.5


def test_the_file_plays_everywhere(zoomed: Delivery) -> None:
    data = zoomed.outputs[0].data
    assert 0 < data.index(b"moov") < data.index(b"mdat")  # the index comes first
    video, audio = streams_of(data)
    assert (video.codec, video.pixels, video.rate) == ("h264", "yuv420p", 25)
    assert audio is not None
    assert audio.codec == "aac"
    assert abs(audio.seconds - 3) < 0.05


def test_sound_is_cut_or_followed_by_silence(
    zoomed: Delivery, run: Run, strip: Image.Image
) -> None:
    short = film.read_sound(zoomed.outputs[0].data, 16_000, 1, 60)[0]
    assert np.abs(short[4_000:14_000]).max() > 0.2
    assert np.abs(short[20_000:]).max() < 0.01
    long = run(strip, "static camera", wav(tone(20.0))).outputs[0].data
    heard = film.read_sound(long, 16_000, 1, 60)[0]
    assert abs(len(heard) / 16_000 - 3) < 0.1
    assert np.abs(heard[-6_000:-2_000]).max() > 0.2


def test_without_sound_there_is_no_stream_for_it(run: Run, strip: Image.Image) -> None:
    still = run(strip, "static camera")
    assert streams_of(still.outputs[0].data)[1] is None
    first, *_, last = frames_of(still.outputs[0].data)
    assert np.abs(first.astype(int) - last).mean() < 2.5
    assert still.facts["camera"] == ["still"]


def test_what_was_not_done_is_said(zoomed: Delivery) -> None:
    assert zoomed.facts["not_done"] == ["steam rises"]
    assert zoomed.facts["camera"] == ["zoom_in"]
    assert "nothing in it acts" in zoomed.method


def test_zooming_enlarges_the_subject_more_than_the_background(
    coffee: Image.Image, weights: Path
) -> None:
    size = (360, 240)
    layers = parallax.take_apart(coffee, size, weights)
    assert layers.subject is not None
    camera = Camera(("zoom_in",), asked=True, amount=1, not_done=())
    first, last = parallax.frames(layers, size, camera, 2)
    red = [((f[..., 0] > 110) & (f[..., 1] < 60)).mean() for f in (first, last)]
    assert red[1] > red[0] * 1.15
    solid = layers.subject[..., 3] > 250
    big = coffee.resize(layers.plate.shape[1::-1], Image.Resampling.LANCZOS)
    white = [(np.asarray(each)[solid].min(axis=1) > 180).mean() for each in (big, layers.plate)]
    assert white[0] > 0.08
    assert white[1] < 0.02  # the cup is gone from the plate
    assert np.abs(np.asarray(big, int) - layers.plate)[layers.subject[..., 3] == 0].mean() < 6


@pytest.mark.parametrize(
    ("move", "axis", "sign"),
    [("pan_right", 1, -1), ("pan_left", 1, 1), ("pan_down", 0, -1), ("pan_up", 0, 1)],
)
def test_a_pan_moves_the_picture_the_other_way(move: str, axis: int, sign: int) -> None:
    y, x = np.mgrid[:276, :276].astype(np.float32)
    spot = 255 * np.exp(-((x - 138) ** 2 + (y - 138) ** 2) / 400)
    rgb = np.repeat(spot.astype(np.uint8)[..., None], 3, axis=2)
    flat = np.full(spot.shape, 0.6, np.float32)
    layers = parallax.Layers(rgb, flat, None, flat)
    camera = Camera((move,), asked=True, amount=1, not_done=())
    first, last = (f[..., 0] for f in parallax.frames(layers, (240, 240), camera, 2))
    places = [np.average(np.indices(f.shape)[axis], weights=f) for f in (first, last)]
    assert sign * (places[1] - places[0]) > 12


def test_an_orbit_holds_the_subject_and_moves_what_is_behind() -> None:
    y, x = np.mgrid[:276, :276].astype(np.float32)
    spot = (255 * np.exp(-((x - 138) ** 2 + (y - 138) ** 2) / 400)).astype(np.uint8)
    back = np.zeros((276, 276, 3), np.uint8)
    back[..., 2] = spot
    front = np.dstack([spot, spot * 0, spot * 0, spot])
    far, near = (np.full(spot.shape, value, np.float32) for value in (0.35, 1.0))
    camera = Camera(("orbit_right",), asked=True, amount=1, not_done=())
    layers = parallax.Layers(back, far, front, near)
    first, last = parallax.frames(layers, (240, 240), camera, 2)
    columns = np.indices(spot[:240, :240].shape)[1]
    subject = [np.average(columns, weights=f[..., 0]) for f in (first, last)]
    behind = [np.average(columns, weights=f[..., 2].astype(float) + 1e-9) for f in (first, last)]
    assert abs(subject[1] - subject[0]) < 0.5
    assert behind[1] - behind[0] > 8


@pytest.mark.parametrize("move", ["zoom_in", "zoom_out", "pan_up", "orbit_left"])
def test_no_frame_shows_what_is_beyond_the_edge(move: str) -> None:
    """The rim of the layers is red, and replicated beyond them: hardly a frame may show it."""
    rgb = np.zeros((276, 460, 3), np.uint8)
    rgb[[0, -1]] = rgb[:, [0, -1]] = (255, 0, 0)
    near = parallax._ground(rgb.shape, 0.8, 1.0)
    camera = Camera((move,), asked=True, amount=1.5, not_done=())
    layers = parallax.Layers(rgb, near, None, near)
    for frame in parallax.frames(layers, (400, 240), camera, 5):
        assert (frame[..., 0] > 60).mean() < 0.02


@pytest.mark.parametrize(
    ("prompt", "moves", "not_done"),
    [
        ("zoom in", ("zoom_in",), ()),
        ("slow zoom out, camera pans left", ("zoom_out", "pan_left"), ()),
        ("the camera slowly orbits to the left around the subject", ("orbit_left",), ()),
        ("Camera moves up", ("pan_up",), ()),
        ("tilt down", ("pan_down",), ()),
        ("pan: right", ("pan_right",), ()),
        ("dolly in and pan right while birds fly", ("zoom_in", "pan_right"), ("birds fly",)),
        ("push-in on the cat's face", ("zoom_in",), ("on the cat's face",)),
        ("zoom in then zoom out", ("zoom_in",), ("zoom out",)),
        ("the water in motion, camera still", ("still",), ("the water in motion",)),
        ("no camera movement", ("still",), ()),
        ("don't zoom, pan right", ("pan_right",), ()),
    ],
)
def test_words_for_the_camera(prompt: str, moves: tuple[str, ...], not_done: tuple[str]) -> None:
    camera = read_camera(prompt, 0)
    assert (camera.moves, camera.not_done) == (moves, not_done)
    assert camera.asked


@pytest.mark.parametrize(
    "prompt", ["a boat moves left", "he pulls out a sword", "the wheel rotates"]
)
def test_what_things_do_is_not_for_the_camera(prompt: str) -> None:
    camera = read_camera(prompt, 0)
    assert not camera.asked
    assert camera.not_done == (prompt,)


def test_the_seed_chooses_only_what_the_prompt_does_not_forbid() -> None:
    assert len({read_camera("waves", seed).moves for seed in range(12)}) > 3
    for seed in range(12):
        assert not {"zoom_in", "zoom_out"}.intersection(read_camera("no zoom", seed).moves)


def test_a_long_prompt_is_read_at_once() -> None:
    start = time.process_time()
    for word in ("slow ", "the camera slowly ", "zoom ", "no ", "dolly in "):
        read_camera((word * 10_000)[:10_000], 0)
    assert time.process_time() - start < 4


def test_the_same_request_gives_the_same_bytes(run: Run, strip: Image.Image) -> None:
    """Two at a time, too: nothing is shared between threads."""
    with ThreadPoolExecutor(2) as threads:
        one, two = threads.map(
            lambda _: run(strip, "zoom in", wav(tone(1.0))).outputs[0].data, range(2)
        )
    assert one == two


@pytest.mark.parametrize("side", [360, 720])
def test_encoding_gives_the_same_bytes(coffee: Image.Image, side: int) -> None:
    """x264's mbtree does not, at these widths, in memory that was used before."""
    wide = np.asarray(coffee.resize((side + 40, 240), Image.Resampling.LANCZOS))
    frames = [np.ascontiguousarray(wide[:, 2 * i : 2 * i + side]) for i in range(20)]
    made = set()
    for turn in range(5):
        noise = [np.random.default_rng(turn).bytes(200_000 * turn) for _ in range(4)]
        made.add(film.write(frames, (side, 240)))
        del noise
    assert len(made) == 1


@pytest.mark.parametrize(
    ("size", "resolution", "wanted"),
    [
        ((512, 512), "720p", (720, 720)),
        ((1920, 1080), "720p", (1280, 720)),
        ((1080, 1920), "480p", (480, 854)),
        ((3000, 1000), "720p", (1280, 426)),
        ((267, 267), "480p", (480, 480)),
        ((64, 256), "480p", (214, 854)),
    ],
)
def test_sizes_keep_the_shape_and_are_even(
    size: tuple[int, int], resolution: str, wanted: tuple[int, int]
) -> None:
    assert film.size_of(*size, resolution) == wanted


def test_a_sound_that_is_none_is_refused(run: Run, cat: Image.Image) -> None:
    with pytest.raises(ProviderRejected) as refused:
        run(cat, "zoom in", b"RIFF\0\0\0\0WAVEnothing of use")
    assert refused.value.field == "audio"
    assert refused.value.allowed == "a WAV or MP3 file"


def test_an_mp3_is_heard() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=44_100, layout="mono")
        for frame in film._sound_frames(tone(1.0, 44_100)[None]):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    heard = film.read_sound(buffer.getvalue(), 16_000, 1, 60)[0]
    assert abs(len(heard) / 16_000 - 1) < 0.1
    assert np.abs(heard).max() > 0.3


def test_a_recording_of_a_rare_codec_is_refused_undecoded() -> None:
    """Any decoder of FFmpeg's may be named in a WAV; few are to be run on strangers' bytes."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="wav") as file:
        stream = file.add_stream("pcm_s64le", rate=44_100, layout="mono")
        for frame in film._sound_frames(tone(1.0, 44_100)[None]):
            file.mux(stream.encode(frame))
    with av.open(io.BytesIO(buffer.getvalue())) as file:
        assert next(file.decode(audio=0)).samples, "FFmpeg itself decodes it"
    with pytest.raises(ProviderRejected, match="cannot be read"):
        film.read_sound(buffer.getvalue(), 16_000, 1, 60)


def test_a_playlist_that_begins_like_an_mp3_is_not_followed() -> None:
    playlist = (
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(ProviderRejected, match="cannot be read"):
        film.read_sound(b"ID3\x04" + bytes(6) + playlist, 16_000, 1, 60)


def test_fields_that_mean_nothing_here_are_refused_beforehand() -> None:
    offer = OFFERS["local/parallax"]
    asked = ImageToVideo(image="a", prompt="zoom in")
    assert offer.refusal(asked) == ""
    for change, word in (
        ({"resolution": "1080p"}, "480p or 720p"),
        ({"negative_prompt": "blur"}, "negative_prompt"),
        ({"expand_prompt": True}, "expand_prompt"),
    ):
        assert word in offer.refusal(asked.model_copy(update=change))


def test_without_the_extra_it_is_not_ready(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = local.LocalProvider(weights, width=1)
    video, model = OFFERS["local/parallax"], OFFERS["local/relief"]
    assert here.not_ready(video) == here.not_ready(model) == ""
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert 'pip install "image-studio[video]"' in here.not_ready(video)
    assert 'pip install "image-studio[video]"' in here.not_ready(OFFERS["local/puppet"])
    assert here.not_ready(model) == ""
