"""Before and after, side by side."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.comparison import comparison
from engine.jobs import Job, Made, Picture
from studio import imaging
from studio.operations import Upscale
from studio.storage import BlobStore
from tests.support.jobs import a_job


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore((tmp_path / "blobs").as_uri())


def kept(store: BlobStore, colour: str, size: tuple[int, int]) -> str:
    return store.put(imaging.encode(Image.new("RGB", size, colour), "png"))


def upscaled(store: BlobStore, before: tuple[int, int], after: tuple[int, int]) -> Job:
    given = Picture("image", "ast_1", "a.png", kept(store, "red", before), *before)
    made = Made("", kept(store, "blue", after), "", "image/png", 1, *after)
    job = a_job(Upscale(image="a"), "local/lanczos", pictures=(given,))
    return replace(
        job, delivery={"outputs": [asdict(made)], "model": "lanczos", "method": "m", "seed": None}
    )


def share(image: Image.Image, colour: tuple[int, int, int]) -> float:
    """Return how much of the sheet has about that colour."""
    bands = (np.asarray(image.convert("RGB")).astype(int) - colour) ** 2
    near = int((bands < 30**2).all(axis=2).sum())
    return near / (image.width * image.height)


def test_both_are_shown_equally_large(store: BlobStore) -> None:
    sheet = comparison(store, upscaled(store, (30, 20), (300, 200)), cell=120)
    assert sheet is not None
    red, blue = share(sheet, (255, 0, 0)), share(sheet, (0, 0, 255))
    assert red > 0.15
    assert abs(red - blue) < 0.02


def test_what_had_no_picture_is_compared_with_nothing(store: BlobStore) -> None:
    job = upscaled(store, (30, 20), (300, 200))
    assert comparison(store, replace(job, pictures=[])) is None
    assert comparison(store, replace(job, delivery=None)) is None
