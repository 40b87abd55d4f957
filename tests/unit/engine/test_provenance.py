"""Which label a picture gets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from billing.pricebook import current
from engine.jobs import Job
from engine.provenance import WORK, labelled, source_type
from engine.studio import Studio
from providers import Offer, PriceRule
from providers.local import LocalProvider
from studio import imaging, media_labels
from studio.clock import now
from studio.imaging import SourceType
from studio.operations import OPERATIONS, Convert, Generate, Operation, Upscale
from studio.storage import BlobStore
from tests.support.providers import InstantProvider, book
from tests.support.studios import execute, opened_studio, order_for
from tests.unit.studio.test_media import model, video


def offer(operation: str, provider: str = "stability") -> Offer:
    return Offer(
        id=f"{provider}/x",
        provider=provider,
        model="x",
        operation=operation,
        price=PriceRule(unit="picture"),
        says="x",
    )


def test_every_operation_says_what_it_does_to_a_picture() -> None:
    assert set(WORK) == set(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "provider", "parents", "label"),
    [
        ("generate", "gemini", (), "trainedAlgorithmicMedia"),
        ("generate", "local", (), "algorithmicMedia"),
        ("inpaint", "stability", ("",), "compositeWithTrainedAlgorithmicMedia"),
        ("inpaint", "stability", ("trainedAlgorithmicMedia",), "trainedAlgorithmicMedia"),
        ("erase", "local", ("",), "algorithmicallyEnhanced"),
        ("upscale", "stability", ("",), "algorithmicallyEnhanced"),
        ("upscale", "local", ("trainedAlgorithmicMedia",), "trainedAlgorithmicMedia"),
        ("remove_background", "stability", ("",), ""),
        ("convert", "local", ("algorithmicMedia",), "algorithmicMedia"),
        ("image_to_video", "wavespeed", ("",), "trainedAlgorithmicMedia"),
        ("image_to_video", "local", ("",), "algorithmicMedia"),
        ("image_to_3d", "local", ("trainedAlgorithmicMedia",), "trainedAlgorithmicMedia"),
        ("enhance_prompt", "gemini", (), ""),
        (
            "face_swap",
            "wavespeed",
            ("", "algorithmicMedia"),
            "compositeWithTrainedAlgorithmicMedia",
        ),
    ],
)
def test_the_stronger_label_is_kept(
    operation: str, provider: str, parents: tuple[SourceType, ...], label: SourceType
) -> None:
    assert source_type(offer(operation, provider), parents) == label


def filed(studio: Studio, operation: Operation, key: str) -> tuple[str, SourceType]:
    """Have it done; return the asset's id and what its file says."""
    job = execute(studio, order_for(studio, operation, key))
    assert job.state == "settled", job.error
    (made,) = job.outputs()
    return job.asset_ids()[0], imaging.source_of(studio.store.get(made.sha256))


def test_the_label_goes_down_the_whole_chain(tmp_path: Path) -> None:
    providers = {"instant": InstantProvider(), "local": LocalProvider(Path("/nowhere"), width=1)}
    real = current(now().date())
    lines = (*real.lines, *book(instant=1).lines)
    prices = real.model_copy(update={"lines": lines})
    with opened_studio(tmp_path, providers=providers, prices=prices) as studio:
        size = {"width": 64, "height": 64}
        drawn, label = filed(studio, Generate(prompt="a fox", provider="local", **size), "drawn")
        assert label == "algorithmicMedia"
        large = Upscale(image=drawn, factor="2x", provider="local", model="lanczos")
        drawn, label = filed(studio, large, "large")
        assert label == "algorithmicMedia"
        made, label = filed(studio, Generate(prompt="a fox", provider="instant", **size), "made")
        assert label == "trainedAlgorithmicMedia"
        to_webp = Convert(image=made, output_format="webp", provider="local")
        made, label = filed(studio, to_webp, "webp")
        assert label == "trainedAlgorithmicMedia"


def test_a_video_and_a_model_get_theirs(tmp_path: Path) -> None:
    store = BlobStore((tmp_path / "blobs").as_uri())
    job = cast(Job, SimpleNamespace(id="job_1", inputs=lambda: ()))
    for operation, data in (("image_to_video", video(tmp_path)), ("image_to_3d", model())):
        made = labelled(store, offer(operation, "wavespeed"), job, data)
        assert media_labels.source_of(made) == "trainedAlgorithmicMedia"
