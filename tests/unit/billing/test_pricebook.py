"""The price book and its faults."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from billing import pricebook
from studio.errors import PriceUnknown, SetupIncomplete

TODAY = date(2026, 11, 22)

HEAD = 'version = "v1"\ndate = 2026-11-22\ncurrency = "credits"\n'
LINE = (
    '[[lines]]\noffer = "local/a"\nunit = "picture"\nprice = 5\nprovider_cost = 0\nsource = "s"\n'
)


def write(folder: Path, text: str, name: str = "book.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("offer", "unit", "price"),
    [
        ("local/illustrator", "picture", 200_000),
        ("local/u2netp", "picture", 100_000),
        ("local/span-x4", "picture", 300_000),
        ("local/lanczos", "picture", 50_000),
        ("local/focal-crop", "format", 50_000),
    ],
)
def test_the_local_offers_have_their_prices(offer: str, unit: str, price: int) -> None:
    line = pricebook.current(TODAY).line(offer)
    assert (line.unit, line.price, line.provider_cost) == (unit, price, 0)
    assert "own machine" in line.source


def test_every_book_that_comes_with_the_studio_is_named_by_its_version() -> None:
    for path in pricebook.FOLDER.glob("*.toml"):
        assert pricebook.load(path).version == path.stem


@pytest.mark.parametrize("offer", ["local/nobody", "local", "local/*", "LOCAL/illustrator", ""])
def test_an_unlisted_offer_has_no_price(offer: str) -> None:
    with pytest.raises(PriceUnknown) as refusal:
        pricebook.current(TODAY).line(offer)
    assert refusal.value.details["book_version"] == "2026-11-22"


@pytest.mark.parametrize(
    ("faulty", "named"),
    [
        (HEAD + LINE.replace("price = 5", "price = 5.0"), "lines.0.price"),
        (HEAD + LINE.replace("price = 5", "price = true"), "lines.0.price"),
        (HEAD + LINE.replace("price = 5", 'price = "5"'), "lines.0.price"),
        (HEAD + LINE.replace("price = 5", "price = -1"), "lines.0.price"),
        (HEAD + LINE.replace("price = 5", "price = 1000000000000001"), "lines.0.price"),
        (HEAD + LINE.replace("provider_cost = 0", "provider_cost = 0.5"), "provider_cost"),
        (HEAD + LINE.replace("price = 5\n", ""), "lines.0.price"),
        (HEAD + LINE.replace("local/a", "local/*"), "lines.0.offer"),
        (HEAD + LINE.replace("local/a", "local"), "lines.0.offer"),
        (HEAD + LINE.replace("local/a", "local/a\\n"), "lines.0.offer"),
        (HEAD + LINE.replace('"picture"', '""'), "lines.0.unit"),
        (HEAD + LINE.replace('source = "s"', 'source = " "'), "lines.0.source"),
        (HEAD + LINE + 'discount = "10 %"\n', "lines.0.discount"),
        (HEAD + LINE + LINE, "local/a"),
        (HEAD, "lines"),
        (LINE, "version"),
        (HEAD.replace("2026-11-22", '"soon"') + LINE, "date"),
        ("this is no TOML", "book.toml"),
    ],
)
def test_a_faulty_book_is_refused_and_the_fault_named(
    tmp_path: Path, faulty: str, named: str
) -> None:
    with pytest.raises(SetupIncomplete, match=named.replace(".", r"\.")):
        pricebook.load(write(tmp_path, faulty))


def test_a_missing_book_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupIncomplete, match="cannot be read"):
        pricebook.load(tmp_path / "none.toml")
    with pytest.raises(SetupIncomplete, match="no price book"):
        pricebook.current(TODAY, tmp_path)


def test_a_book_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "book.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SetupIncomplete, match="cannot be read"):
        pricebook.load(tmp_path / "book.toml")


def test_the_newest_book_whose_date_has_come_counts(tmp_path: Path) -> None:
    for day in ("2026-10-01", "2026-11-22", "2026-12-01"):
        write(tmp_path, HEAD.replace("2026-11-22", day).replace("v1", day) + LINE, f"{day}.toml")
    assert pricebook.current(TODAY, tmp_path).version == "2026-11-22"
    assert pricebook.current(date(2026, 11, 21), tmp_path).version == "2026-10-01"
    assert pricebook.current(date(2027, 1, 1), tmp_path).version == "2026-12-01"


def test_a_price_of_nothing_is_a_price(tmp_path: Path) -> None:
    book = pricebook.load(write(tmp_path, HEAD + LINE.replace("price = 5", "price = 0")))
    assert book.line("local/a").price == 0
