"""A batch file comes from a path, from the library, or from a public address, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from batches import Given
from engine.batch_files import keep_left_out
from engine.batch_plan import plan_batch, read_file
from engine.batch_source import is_remote, open_source, shown_name
from providers.download import Downloader
from studio.errors import BatchInvalid, InvalidRequest, NotFound
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER
from tests.unit.engine.conftest import House


def test_a_path_gives_bytes_name_and_folder(house: House, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"operation\n")
    source = open_source(house.studio, str(tmp_path / "f.csv"), OWNER)
    assert (source.data, source.name, source.folder) == (b"operation\n", "f.csv", tmp_path)


@pytest.mark.parametrize(
    "where",
    ["/nowhere/f.csv", "/", "a\0b", "http://127.0.0.1/f.csv", "https://10.0.0.1/f.csv?key=secret",
     "https://localhost/f.csv", "file:///etc/passwd", "ftp://example.com/f.csv", "https://"],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_and_no_secret_told(house: House, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_source(house.studio, where, OWNER)
    assert caught.value.field == "file"
    assert "secret" not in str(caught.value.as_dict())
    assert "bought" not in caught.value.message


def test_an_asset_of_somebody_else_is_not_there(house: House) -> None:
    with pytest.raises(NotFound):
        open_source(house.studio, "ast_" + "0" * 26, OWNER)


def test_names_for_people_have_no_query() -> None:
    assert shown_name("https://example.com/a/f.csv?sig=secret") == "f.csv"
    assert shown_name("/data/f.csv") == "f.csv"
    assert is_remote("ast_x")
    assert not is_remote("data/f.csv")


def test_rows_that_nobody_can_do_are_left_out_with_those_that_build_on_them(house: House) -> None:
    text = (
        b"row,operation,prompt,image,provider\n"
        b"a,generate,a fox,,nobody\n"
        b"b,upscale,,@a,\n"
        b"c,generate,an owl,,\n"
    )
    given = Given(skip_invalid=True)
    spec = read_file(house.studio, text, source="f", owner=OWNER, folder=Path("/"), given=given)
    with pytest.raises(BatchInvalid):
        plan_batch(house.studio, spec)
    planned = plan_batch(house.studio, spec, skip_invalid=True)
    assert [row.name for row in planned.spec.rows] == ["c"]
    assert [(it.row, it.field) for it in planned.spec.left_out] == [
        ("a", "provider"), ("b", "image"),
    ]  # fmt: skip
    alone = read_file(
        house.studio,
        b"row,operation,prompt\nc,generate,an owl\n",
        source="g",
        owner=OWNER,
        folder=Path("/"),
    )
    assert planned.spec.id == alone.id
    kept = keep_left_out(house.studio, planned.spec, text, "", Path("/"))
    assert kept is not None
    assert [line[:2] for line in kept.read_text("utf-8-sig").splitlines()] == ["ro", "a,", "b,"]
    assert keep_left_out(house.studio, alone, text, "", Path("/")) is None
    assert not kept.exists()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A web server on this machine, which the downloader is told to trust."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        trusting = partial(Downloader, origins=[address], pauses=())
        monkeypatch.setattr("engine.batch_source.Downloader", trusting)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield address
        server.shutdown()
        thread.join()


def test_an_address_is_fetched(
    house: House, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.csv").write_bytes(b"operation,prompt\ngenerate,a fox\n")
    source = open_source(house.studio, f"{served}/rows.csv?sig=secret", OWNER)
    assert (source.data[:9], source.name) == (b"operation", "rows.csv")
    with pytest.raises(InvalidRequest) as caught:
        open_source(house.studio, f"{served}/gone.csv?sig=secret", OWNER)
    assert caught.value.message == "The batch file cannot be fetched: its server answered 404."
    assert "secret" not in str(caught.value.as_dict())
    monkeypatch.setattr("engine.batch_source.LARGEST_FILE", 10)
    for where in (f"{served}/rows.csv", str(tmp_path / "rows.csv")):
        with pytest.raises(InvalidRequest) as caught:
            open_source(house.studio, where, OWNER)
        assert "too large" in caught.value.message


def test_a_file_from_elsewhere_names_none_of_this_machines_files(
    house: House, served: str, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(tiny_png("photo"))
    asset = house.studio.inputs.find("image", str(photo), OWNER).asset
    rows = f"row,operation,image\na,upscale,{photo}\nb,upscale,{asset}\nc,upscale,@b\n"
    (tmp_path / "rows.csv").write_text(rows)
    source = open_source(house.studio, f"{served}/rows.csv", OWNER)
    with pytest.raises(BatchInvalid) as caught:
        read_file(house.studio, source.data, source=source.name, owner=OWNER, folder=source.folder)
    (problem,) = caught.value.details["problems"]
    assert (problem["row"], problem["field"]) == ("a", "image")
    assert problem["rule"] == "must be an asset (ast_…) or a row (@row): the file is from elsewhere"


def test_an_asset_of_the_library_may_be_a_batch(house: House, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(tiny_png("photo"))
    asset = house.studio.inputs.find("image", str(tmp_path / "photo.png"), OWNER).asset
    source = open_source(house.studio, asset, OWNER)
    assert (source.data, source.name) == ((tmp_path / "photo.png").read_bytes(), "photo.png")
    with pytest.raises(BatchInvalid) as caught:
        read_file(house.studio, source.data, source="x", owner=OWNER, folder=source.folder)
    assert caught.value.details["problems"][0]["value"] == "a picture"
