"""Which label a picture gets."""

from __future__ import annotations

import pytest

from engine.provenance import WORK, source_type
from providers import Offer, PriceRule
from studio.imaging import SourceType
from studio.operations import OPERATIONS


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
