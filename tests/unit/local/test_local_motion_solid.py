"""A solid model is a valid, closed GLB of the thing in the picture, no finer than was asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from providers.contract import Delivery, Request
from providers.local.motion import WORK
from providers.local.motion.depth import inflated
from providers.local.motion.relief import solid
from studio import media
from studio.errors import ProviderRejected
from studio.operations import ImageTo3D
from tests.unit.local.glb_reader import Read, read_glb
from tests.unit.local.motion_kit import OFFERS, png

Run = Callable[..., Delivery]


@pytest.fixture(scope="module")
def run(weights: Path) -> Run:
    def run(image: Image.Image, **fields: object) -> Delivery:
        operation = ImageTo3D.model_validate({"image": "a", "seed": 1} | fields)
        request = Request(operation, {"image": png(image)})
        return WORK["local/relief"](OFFERS["local/relief"], request, weights)

    return run


@pytest.fixture(scope="module")
def cup(run: Run, coffee: Image.Image) -> Delivery:
    return run(coffee)


@pytest.fixture(scope="module")
def read(cup: Delivery) -> Read:
    return read_glb(cup.outputs[0].data)


def assert_closed(faces: NDArray[Any]) -> None:
    """Every edge belongs to two faces, which run along it in opposite directions."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    there = edges[:, 0] * 1_000_000 + edges[:, 1]
    back = edges[:, 1] * 1_000_000 + edges[:, 0]
    assert len(np.unique(there)) == len(there)
    assert np.array_equal(np.sort(there), np.sort(back))


def volume(read: Read) -> float:
    a, b, c = (read.positions[read.faces[:, i]].astype(float) for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def test_the_studio_knows_it(cup: Delivery) -> None:
    output = cup.outputs[0]
    assert output.media_type == "model/gltf-binary"
    assert media.look(output.data).media_type == "model/gltf-binary"
    assert cup.facts["not_done"] == ["true depth", "the real back and sides"]
    assert "back mirrors" in cup.method


def test_it_is_closed_and_its_outside_is_outside(read: Read) -> None:
    assert_closed(read.faces)
    assert 0.1 < volume(read) < 0.6  # turned inside out it would be negative
    front = read.normals[read.positions[:, 2] > 0.1]
    assert front[:, 2].mean() > 0.4


def test_normals_are_those_of_the_faces(read: Read) -> None:
    a, b, c = (read.positions[read.faces[:, i]].astype(float) for i in range(3))
    flat = np.cross(b - a, c - a)
    along = np.einsum("ij,ij->i", flat, read.normals[read.faces[:, 0]].astype(float))
    assert (along > 0).mean() > 0.97


def test_the_texture_lies_where_the_picture_has_it(read: Read) -> None:
    """The coffee itself is brown, its saucer's rim red, and nothing of the table is left."""
    pixels = np.asarray(read.texture.convert("RGB"), int)
    assert pixels.shape == (1024, 1024, 3)
    column, row = (read.places * 1023).astype(int).T
    colours = pixels[row, column]
    rim = np.abs(read.positions[:, 2] - np.median(read.positions[:, 2])) < 0.02
    low = rim & (read.positions[:, 1] < -0.3)
    assert low.sum() > 50
    assert np.all(np.median(colours[low], axis=0)[1:] < 80)
    assert np.median(colours[low], axis=0)[0] > 70
    # Up in the picture is up in the model.
    assert np.corrcoef(read.places[:, 1], read.positions[:, 1])[0, 1] < -0.99
    assert np.corrcoef(read.places[:, 0], read.positions[:, 0])[0, 1] > 0.99


@pytest.mark.parametrize("what", ["vertex", "face"])
@pytest.mark.parametrize("count", [100, 1_000, 20_000])
def test_there_are_at_most_so_many(run: Run, coffee: Image.Image, what: str, count: int) -> None:
    read = read_glb(run(coffee, count_of=what, count=count).outputs[0].data)
    there = len(read.positions) if what == "vertex" else len(read.faces)
    assert 0.6 * count <= there <= count
    assert_closed(read.faces)
    assert volume(read) > 0.1


def test_many_vertices_need_long_numbers() -> None:
    from providers.local.motion.glb import write_glb
    from providers.local.motion.relief import Solid

    texture = png(Image.new("RGB", (8, 8)))
    for count, kind in ((65_535, np.uint16), (65_537, np.uint32)):
        body = Solid(
            np.random.default_rng(1).normal(size=(count, 3)),
            np.tile([0.0, 0.6, 0.8], (count, 1)),
            np.full((count, 2), 0.5),
            np.append(np.arange(count), np.zeros(-count % 3, int)).reshape(-1, 3),
        )
        read = read_glb(write_glb(body, texture, "image/png", "x"))
        assert read.faces.dtype == kind


@pytest.mark.parametrize(("ratio", "size"), [(0.0, 1.0), (0.5, 0.5), (1.7, 1.7)])
def test_the_ratio_is_the_share_of_the_frame(
    run: Run, coffee: Image.Image, ratio: float, size: float
) -> None:
    read = read_glb(run(coffee, foreground_ratio=ratio, count_of="face", count=500).outputs[0].data)
    extent = np.ptp(read.positions, axis=0)
    assert abs(extent[:2].max() - size) < 1e-5
    assert np.abs(read.positions.min(axis=0) + read.positions.max(axis=0)).max() < 1e-5


@pytest.mark.parametrize("side", ["512", "2048"])
def test_the_texture_is_as_large_as_asked(run: Run, coffee: Image.Image, side: str) -> None:
    read = read_glb(run(coffee, texture=side, count_of="face", count=200).outputs[0].data)
    assert read.texture.size == (int(side), int(side))


def test_the_same_request_gives_the_same_bytes(
    cup: Delivery, run: Run, coffee: Image.Image
) -> None:
    assert run(coffee).outputs[0].data == cup.outputs[0].data


def test_where_nothing_stands_out_it_is_refused(run: Run) -> None:
    with pytest.raises(ProviderRejected) as refused:
        run(Image.new("RGB", (300, 300), (120, 130, 140)))
    assert refused.value.field == "image"
    assert "key" in refused.value.message


def test_what_it_cannot_do_is_known_beforehand() -> None:
    offer = OFFERS["local/relief"]
    asked = ImageTo3D(image="a")
    assert offer.refusal(asked) == ""
    assert offer.refusal(asked.model_copy(update={"remesh": "triangle"})) == ""
    assert "none or triangle" in offer.refusal(asked.model_copy(update={"remesh": "quad"}))
    assert "0.1 to 2" in offer.refusal(asked.model_copy(update={"foreground_ratio": 0.05}))


def test_a_disc_becomes_half_a_ball() -> None:
    y, x = np.mgrid[:200, :240]
    from_centre = np.hypot(x - 120, y - 100)
    heights = inflated((from_centre < 80).astype(np.float32))
    inside = from_centre < 74
    ball = np.sqrt(80**2 - from_centre[inside] ** 2)
    assert np.abs(heights[inside] - ball).max() < 6
    assert heights[from_centre > 81].max() == 0


def test_shapes_with_holes_and_thin_parts_stay_closed() -> None:
    y, x = np.mgrid[:160, :200]
    ring = (np.abs(np.hypot(x - 80, y - 80) - 50) < 14) | ((np.abs(y - 80) < 6) & (x > 90))
    alpha = (ring & (x > 4)).astype(np.float32)
    chance = np.random.default_rng(3).random(alpha.shape).astype(np.float32)
    for matte in (alpha, alpha * 0.4 + 0.3 + 0.3 * chance):
        for most in (("face", 300), ("face", 5_000), ("none", 0)):
            body = solid(matte, chance, most=most)
            assert len(body.faces)
            assert_closed(body.faces)
            assert np.isfinite(body.normals).all()


MEASURED = """
import io, resource, sys
from pathlib import Path
from PIL import Image
from providers.contract import Request
from providers.local.motion import WORK, parallax
from providers.local.motion.camera import read_camera
from studio import imaging
from studio.operations import ImageTo3D
from tests.unit.local.motion_kit import OFFERS
weights = Path(sys.argv[1])
coffee = Image.open(weights / "coffee.png").convert("RGB").resize((6900, 4600))
buffer = io.BytesIO()
coffee.save(buffer, "JPEG")
request = Request(ImageTo3D(image="a", texture="2048", seed=1), {"image": buffer.getvalue()})
WORK["local/relief"](OFFERS["local/relief"], request, weights)
layers = parallax.take_apart(imaging.open_picture(buffer.getvalue()), (1280, 720), weights)
assert len(list(parallax.frames(layers, (1280, 720), read_camera("orbit", 0), 5))) == 5
usage = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: it counts the process that this one was forked from, too.
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(int(peak) // 1024, usage.ru_utime + usage.ru_stime)
"""


def test_large_pictures_fit_into_memory_and_time(weights: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(weights)], capture_output=True, text=True, check=True
    )
    megabytes, seconds = (float(word) for word in done.stdout.split())
    assert megabytes < 1_500
    assert seconds < 40
