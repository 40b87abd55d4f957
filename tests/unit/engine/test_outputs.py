"""Outputs: a provider's word is not believed."""

from __future__ import annotations

import json
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import outputs
from engine.jobs import assets_of
from providers import Delivery, Output
from studio import archive, imaging, media
from studio.errors import BadResponse
from studio.operations import Generate, ImageToVideo, SocialExport
from studio.storage import BlobStore
from tests.support.jobs import a_job
from tests.support.paid_server import tiny_png
from tests.support.providers import offers
from tests.unit.studio.test_media import video

OFFER = offers("liar")[0]
PNG = tiny_png("fox")
JOB = a_job(Generate(prompt="a fox", seed=7), OFFER.id)


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + crc


def _bomb() -> bytes:
    """Return a PNG of some hundred bytes that says it has 10 thousand million pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000, 9)
    start = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    return start + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _delivery(*made: Output, **values: Any) -> Delivery:
    return Delivery(made or (Output(PNG, "image/png"),), **{"model": "m", "method": "w", **values})


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore((tmp_path / "blobs").as_uri())


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery((), "m", "w"),
        _delivery(*[Output(PNG, "image/png", str(n)) for n in range(65)]),
        _delivery(Output(PNG, "image/jpeg")),
        _delivery(Output(PNG, "text/html")),
        _delivery(Output(b"", "image/png")),
        _delivery(Output(b"<html>sorry</html>", "image/png")),
        _delivery(Output(b"%PDF-1.7", "application/pdf")),
        _delivery(Output(PNG[: len(PNG) // 2], "image/png")),
        _delivery(Output(_bomb(), "image/png")),
        _delivery(Output(PNG, "image/png"), Output(b"gone", "image/png")),
        _delivery(seed=2**63),
        _delivery(seed="seven"),
        _delivery(facts={"when": object()}),
        _delivery(facts={"share": float("nan")}),
        _delivery(facts={"words": "\ud800"}),
        _delivery(model="nul\0"),
        _delivery(method=None),
    ],
)
def test_what_was_not_ordered_is_refused_as_maybe_bought(
    store: BlobStore, delivery: Delivery
) -> None:
    with pytest.raises(BadResponse) as refused:
        outputs.keep(store, OFFER, delivery, JOB)
    assert refused.value.bought is None
    assert refused.value.provider == "liar"


def labelled(data: bytes) -> bytes:
    """Return a picture as a model of somebody else's made it, with the label of that."""
    said = imaging.marked(data, "trainedAlgorithmicMedia")
    assert said != data
    return said


def test_a_picture_that_cannot_be_labelled_is_kept_as_it_came(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(imaging, "marked", broken)
    kept = outputs.keep(store, OFFER, _delivery(), JOB)
    assert store.get(kept["outputs"][0]["sha256"]) == PNG


def test_a_picture_that_cannot_be_finished_is_kept_as_it_came(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(outputs, "finish", broken)
    rough = OFFER.model_copy(update={"exact": False})
    kept = outputs.keep(store, rough, _delivery(), JOB)
    assert store.get(kept["outputs"][0]["sha256"]) == labelled(PNG)
    assert kept["facts"] == {"not_finished": "ZeroDivisionError: a mistake of ours"}


def test_what_was_ordered_is_kept(store: BlobStore) -> None:
    made = [Output(tiny_png(name), "image/png", name) for name in ("story", "post")]
    kept = outputs.keep(store, OFFER, _delivery(*made, seed=7, facts={"id": "x"}), JOB)
    assert [each["name"] for each in kept["outputs"]] == ["story", "post"]
    assert (kept["seed"], kept["facts"]) == (7, {"id": "x"})
    for each, output in zip(kept["outputs"], made, strict=True):
        data = labelled(output.data)
        assert store.get(each["sha256"]) == data
        assert (each["width"], each["height"], each["size"]) == (8, 8, len(data))
        assert store.has(each["thumbnail"])


def test_each_video_knows_how_long_it_lasts_whatever_its_provider_says(
    store: BlobStore, tmp_path: Path
) -> None:
    films = [Output(video(tmp_path, frames), "video/mp4", str(frames)) for frames in (5, 15)]
    offer = OFFER.model_copy(update={"kind": "video", "operation": "image_to_video"})
    job = a_job(ImageToVideo(image="x", prompt="it waves"), offer.id)
    said = _delivery(*films, facts={"kind": "zoom", "seconds": 99})
    kept = json.loads(json.dumps(outputs.keep(store, offer, said, job)))  # as the row has it
    done = replace(job, delivery=kept, state="settled")
    assert [made.seconds for made in done.outputs()] == [1.0, 3.0]
    filed = assets_of(done, job.created_at)
    assert [asset.facts["seconds"] for asset in filed] == [1.0, 3.0]
    assert [asset.facts["kind"] for asset in filed] == ["zoom", "zoom"]


def test_a_picture_has_no_length_and_what_was_kept_before_lengths_is_read(store: BlobStore) -> None:
    kept = outputs.keep(store, OFFER, _delivery(), JOB)
    done = replace(JOB, delivery=kept, state="settled")
    assert "seconds" not in assets_of(done, JOB.created_at)[0].facts
    for each in kept["outputs"]:
        del each["seconds"]
    assert done.outputs()[0].seconds == 0


def test_a_zip_is_kept_where_it_was_asked_for_and_nowhere_else(store: BlobStore) -> None:
    archived = Output(archive.pack([("a.png", PNG)]), "application/zip", "all")
    asked = SocialExport(image="x", formats=["twitter_post"], zip=True, output_format="png")
    (offer,) = [each for each in offers("fitter") if each.operation == "social_export"]
    kept = outputs.keep(store, offer, _delivery(archived), a_job(asked, offer.id))
    (made,) = kept["outputs"]
    assert (made["media_type"], made["width"], made["height"]) == ("application/zip", 0, 0)
    assert store.get(made["sha256"]) == archived.data
    assert imaging.sniff(outputs.thumbnail(store, made["sha256"], "0" * 64)) == "image/webp"
    job = a_job(asked.model_copy(update={"zip": False}), offer.id)
    with pytest.raises(BadResponse, match="application/zip where a picture was ordered"):
        outputs.keep(store, offer, _delivery(archived), job)
    with pytest.raises(BadResponse, match="application/zip"):
        outputs.keep(store, OFFER, _delivery(archived), JOB)


def test_many_files_are_kept_at_once_but_few_are_decoded(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, lock, both = media.face, threading.Lock(), threading.Barrier(2, timeout=10)
    now, most = 0, 0

    def counted(*arguments: Any) -> Any:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        both.wait()  # two at a time there are, and no more
        try:
            return decode(*arguments)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(media, "face", counted)
    monkeypatch.setattr(outputs, "_DECODING", threading.BoundedSemaphore(2))
    made = [_delivery(Output(tiny_png(str(n)), "image/png")) for n in range(8)]
    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(lambda each: outputs.keep(store, OFFER, each, JOB), made))
    assert most == 2
    assert len({each["outputs"][0]["sha256"] for each in kept}) == 8
