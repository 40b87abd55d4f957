"""Content Credentials: a chain of four steps verifies, what is broken does not; off is free."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.studio import Studio
from library import Asset, find_asset
from providers import Delivery, Offer, Output, PriceRule, Provider, Request
from studio import imaging
from studio.certificates import authorities, signing
from studio.content_credentials import Verdict, verify
from studio.errors import SetupIncomplete
from studio.operations import Compress, Generate, Inpaint, Operation, Upscale
from studio.settings import Settings
from tests.support.providers import book
from tests.support.studios import OWNER, execute, fund, make_studio, order_for

MODELS = {"generate": "painter", "inpaint": "cutter", "upscale": "enlarger", "compress": "fitter"}


class Maker(Provider):
    """Answers each operation with a picture of noise, of another type each."""

    name = "instant"

    def __init__(self) -> None:
        self._offers = tuple(
            Offer(
                id=f"instant/{model}",
                provider="instant",
                model=model,
                operation=operation,
                price=PriceRule(unit="picture" if model != "fitter" else "format"),
                exact=True,
                says="Noise.",
            )
            for operation, model in MODELS.items()
        )

    def offers(self) -> tuple[Offer, ...]:
        return self._offers

    def not_ready(self, offer: Offer) -> str:
        return ""

    async def _submit(self, offer: Offer, request: Request) -> Delivery:
        kind = {"generate": "png", "inpaint": "webp", "upscale": "png"}.get(offer.operation, "jpeg")
        data = noise(kind, 96 if offer.operation == "upscale" else 48)
        return Delivery((Output(data, f"image/{kind}"),), offer.model, "noise")


def noise(kind: Any, side: int = 48) -> bytes:
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    return imaging.encode(Image.fromarray(pixels), kind)


def opened(folder: Path, **settings: Any) -> Studio:
    studio = make_studio(folder, providers={"instant": Maker()}, prices=book(instant=1), **settings)
    fund(studio, 10**9)
    return studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = opened(tmp_path / "home", content_credentials="on")
    yield made
    made.close()


def made(studio: Studio, operation: Operation, key: str) -> Asset:
    job = execute(studio, order_for(studio, operation, key))
    assert job.state == "settled", job.error
    with studio.database.read() as connection:
        return find_asset(connection, OWNER, job.asset_ids()[0])


def verdict(studio: Studio, asset: Asset) -> Verdict:
    data = studio.store.get(asset.sha256)
    return verify(data, asset.media_type, authorities(studio.settings))


def test_create_edit_upscale_and_format_verify_as_one_chain(studio: Studio, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    Image.new("L", (48, 48), 255).save(mask)
    first = made(studio, Generate(prompt="a fox", width=64, height=64), "1")
    second = made(studio, Inpaint(image=first.id, mask=str(mask), prompt="a hat"), "2")
    third = made(studio, Upscale(image=second.id, factor="2x"), "3")
    fourth = made(studio, Compress(image=third.id), "4")
    assert [each.facts["credentials"] for each in (first, second, third, fourth)] == ["signed"] * 4
    found = verdict(studio, fourth)
    assert (found.state, found.problems) == ("trusted", ())
    did = [each.actions for each in found.chain]
    assert did == [
        ("c2pa.opened", "c2pa.transcoded"),
        ("c2pa.opened", "c2pa.resized"),
        ("c2pa.opened", "c2pa.edited"),
        ("c2pa.created",),
    ]
    assert found.chain[-1].source == "trainedAlgorithmicMedia"
    assert found.chain[2].ingredients == 2, "the mask is named beside the picture"
    assert {each.issuer for each in found.chain} == {"Image Studio"}
    # The label that was there before is there still, and the pixels are as they were delivered.
    assert imaging.source_of(studio.store.get(first.sha256)) == "trainedAlgorithmicMedia"
    image = imaging.open_picture(studio.store.get(first.sha256))
    assert image.tobytes() == imaging.open_picture(noise("png")).tobytes()


def test_a_changed_file_does_not_verify_and_a_stranger_is_told_apart(studio: Studio) -> None:
    asset = made(studio, Generate(prompt="a fox"), "1")
    data = bytearray(studio.store.get(asset.sha256))
    assert verify(bytes(data), "image/png", "").state == "valid"
    assert "signingCredential.untrusted" in verify(bytes(data), "image/png", "").problems
    data[-300] ^= 1
    broken = verify(bytes(data), "image/png", authorities(studio.settings))
    assert broken.state == "invalid"
    assert "assertion.dataHash.mismatch" in broken.problems
    assert verify(noise("png"), "image/png", "").state == "none"
    assert verify(b"{}", "application/json", "").state == "none"
    assert verify(b"\x89PNG\r\n\x1a\n junk", "image/png", "").state in {"none", "invalid"}


def test_a_limit_of_bytes_comes_before_credentials(studio: Studio) -> None:
    first = made(studio, Generate(prompt="a fox"), "1")
    size = len(noise("jpeg"))
    asset = made(studio, Compress(image=first.id, max_kilobytes=size // 1_000 + 1), "2")
    assert asset.bytes <= size + 1_000
    assert asset.facts["credentials"].startswith("left out")
    assert verdict(studio, asset).state == "none"


def test_what_cannot_be_signed_is_kept_and_says_so(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> bytes:
        raise RuntimeError("no such luck")

    monkeypatch.setattr("engine.credentials.sign", fails)
    asset = made(studio, Generate(prompt="a fox"), "1")
    assert asset.facts["credentials"] == "could not be signed"
    assert verdict(studio, asset).state == "none"


def test_off_loads_nothing_and_changes_no_byte(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.unit.engine.test_credentials import made, opened\n"
        "from studio.operations import Generate\n"
        "studio = opened(Path(sys.argv[1]))\n"
        "made(studio, Generate(prompt='a fox'), '1')\n"
        "studio.close()\n"
        "print({'c2pa', 'studio.own_certificate'} & set(sys.modules))\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "home")]
    told = subprocess.run(words, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
    assert not (tmp_path / "home" / "credentials").exists()


def test_ones_own_certificate_is_made_once_and_its_key_is_a_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = Settings(_env_file=None, home=tmp_path, content_credentials="on")
    caplog.set_level(logging.DEBUG)
    first, second = signing(config), signing(config)
    assert first == second
    key = (tmp_path / "credentials" / "key.pem").read_text()
    assert (tmp_path / "credentials" / "key.pem").stat().st_mode & 0o077 == 0
    secret = key.splitlines()[1]
    assert first.key() == key
    assert secret not in repr(first) + str(first) + caplog.text
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".credentials")]


def test_a_key_reaches_neither_database_nor_files_of_the_studio(
    studio: Studio, tmp_path: Path
) -> None:
    made(studio, Generate(prompt="a fox"), "1")
    secret = signing(studio.settings).key().splitlines()[1].encode()
    home = tmp_path / "home"
    holders = [each for each in home.rglob("*") if each.is_file() and secret in each.read_bytes()]
    assert holders == [home / "credentials" / "key.pem"]


def test_a_given_certificate_signs_instead(tmp_path: Path) -> None:
    other = Settings(_env_file=None, home=tmp_path / "other", content_credentials="on")
    signing(other)
    files = tmp_path / "other" / "credentials"
    given = {
        "content_credentials": "on",
        "credentials_certificate": str(files / "chain.pem"),
        "credentials_key": str(files / "key.pem"),
    }
    studio = opened(tmp_path / "home", **given)
    try:
        asset = made(studio, Generate(prompt="a fox"), "1")
        assert verdict(studio, asset).state == "trusted"
        assert not (tmp_path / "home" / "credentials").exists()
    finally:
        studio.close()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"credentials_key": "key.pem"}, "STUDIO_CREDENTIALS_CERTIFICATE"),
        ({"credentials_certificate": "chain.pem"}, "STUDIO_CREDENTIALS_KEY"),
        (
            {"credentials_certificate": "missing.pem", "credentials_key": "key.pem"},
            "STUDIO_CREDENTIALS_CERTIFICATE",
        ),
        (
            {"credentials_certificate": "chain.pem", "credentials_key": "chain.pem"},
            "STUDIO_CREDENTIALS_KEY",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, given: dict[str, str], field: str) -> None:
    other = Settings(_env_file=None, home=tmp_path / "other", content_credentials="on")
    signing(other)
    files = tmp_path / "other" / "credentials"
    values: dict[str, Any] = {name: str(files / file) for name, file in given.items()}
    config = Settings(_env_file=None, home=tmp_path, content_credentials="on", **values)
    with pytest.raises(SetupIncomplete) as refused:
        signing(config)
    assert refused.value.field == field
    assert "PRIVATE" not in json.dumps(refused.value.as_dict())


def test_without_the_extra_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(SetupIncomplete, match="pip install"):
        verify(noise("png"), "image/png", "")
    assert io.BytesIO(noise("png")).read(4) == b"\x89PNG"
