"""How a file came to be: what its own label says, and Content Credentials where they are on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from interfaces.cli.opening import opened_studio
from studio.operations import Compress, Generate, SocialExport, Upscale
from studio.settings import settings
from tests.support.shelves import OWNER, Shelf, brought, made, plain
from tests.support.studios import execute, order_for

_SIZE = {"width": 96, "height": 64, "seed": 7, "provider": "local"}
_TERM = b"http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
_CREDENTIALS = pytest.mark.skipif(find_spec("c2pa") is None, reason="needs the extra c2pa")


@pytest.fixture
def signed(empty: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """The same home, while what is made is signed."""
    monkeypatch.setenv("STUDIO_CONTENT_CREDENTIALS", "on")
    settings.cache_clear()
    yield empty
    monkeypatch.undo()
    settings.cache_clear()


def _chain(key: str) -> list[str]:
    """Draw, enlarge, bring to a format and make smaller; return each step."""
    with opened_studio() as studio:
        drawn = made(studio, Generate(prompt="a green hill", **_SIZE), f"{key} drawn")
        enlarge = Upscale(image=drawn, factor="2x", model="lanczos", provider="local")
        large = made(studio, enlarge, f"{key} large")
        fit = SocialExport(image=large, formats=["instagram_story"], provider="local")
        (story,) = execute(studio, order_for(studio, fit, f"{key} fit", owner=OWNER)).asset_ids()
        small = made(studio, Compress(image=story, provider="local"), f"{key} small")
    return [drawn, large, story, small]


@_CREDENTIALS
def test_a_signed_file_tells_every_step_and_a_changed_one_is_found_out(
    signed: Shelf, tmp_path: Path
) -> None:
    steps = _chain("signed")
    for number, asset in enumerate(steps, start=1):
        told = signed.do("verify", asset)
        assert (told["credentials"], told["problems"]) == ("trusted", [])
        assert len(told["chain"]) == number
        assert told["chain"][-1]["actions"] == ["c2pa.created"]
        assert told["source_type"] == "algorithmicMedia"
    last = signed.do("verify", steps[-1])
    assert last["chain"][-1]["source"] == "algorithmicMedia"
    assert {each["issuer"] for each in last["chain"]} == {"Image Studio"}
    shown = signed.say("verify", steps[-1])
    assert "sound, and signed by whom this studio believes" in shown.out
    assert "created" in shown.out

    file = tmp_path / "small"
    signed.do("export", steps[-1], "--to", str(file))
    data = bytearray(file.read_bytes())
    assert b"c2pa" in data
    data[-300] ^= 1
    with opened_studio() as studio:
        suffix = signed.do("show", steps[-1])["name"].rpartition(".")[2]
        (changed,) = brought(studio, tmp_path / "in", {f"changed.{suffix}": bytes(data)}).values()
    told = signed.say("verify", changed, "--json")
    assert told.code == 1
    assert told.document["credentials"] == "invalid"
    assert told.document["problems"]
    assert "broken" in signed.say("verify", changed).out


def test_without_credentials_a_file_says_itself_how_it_came_to_be(
    empty: Shelf, tmp_path: Path
) -> None:
    drawn, *_, small = _chain("plain")
    for asset in (drawn, small):
        told = empty.do("verify", asset)
        assert (told["credentials"], told["chain"]) == ("none", [])
        assert told["source_type"] == "algorithmicMedia"
        file = tmp_path / asset
        empty.do("export", asset, "--to", str(file))
        assert _TERM in file.read_bytes()
        assert b"c2pa" not in file.read_bytes()
    assert "It has no Content Credentials." in empty.say("verify", drawn).out


def test_of_what_was_brought_in_nothing_is_said(empty: Shelf, tmp_path: Path) -> None:
    with opened_studio() as studio:
        files = {"mine.png": plain("red", 64, 64), "words.txt": b"Words."}
        found = brought(studio, tmp_path / "in", files)
    for name, asset in found.items():
        told = empty.do("verify", asset)
        assert (told["credentials"], told["source_type"], told["chain"]) == ("none", None, [])
        file = tmp_path / name
        empty.do("export", asset, "--to", str(file))
        assert file.read_bytes() == files[name], "it is kept as it came"
    assert empty.refused("verify", "ast_of_nobody") == (2, "asset")
