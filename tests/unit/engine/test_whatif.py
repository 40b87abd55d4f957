"""A batch, priced with each provider alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from batches import BatchSpec
from engine.batch_plan import plan_batch, quote_batch, read_file
from engine.batch_view import BatchView
from engine.studio import Studio
from engine.whatif import Alternative, what_if
from providers import Offer
from tests.support.paid_server import tiny_png
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import OWNER, balance_of, opened_studio

ROWS = (
    "row,operation,prompt,image,provider,seed\n"
    "one,generate,a fox,,,7\n"
    "two,generate,a fox,,,7\n"
    "three,generate,an owl,,dear,\n"
    "four,remove_background,,@one,,\n"
)
PAINTER, CUTTER = PRICES["painter"], PRICES["cutter"]


class Painters(InstantProvider):
    """Sells pictures only, and is not ready."""

    def offers(self) -> tuple[Offer, ...]:
        return tuple(offer for offer in super().offers() if offer.operation == "generate")

    def not_ready(self, offer: Offer) -> str:
        return "needs a key"


def read(studio: Studio, folder: Path, text: str = ROWS) -> BatchSpec:
    return read_file(studio, text.encode(), source="b.csv", owner=OWNER, folder=folder)


def found(folder: Path, text: str = ROWS) -> dict[str, Alternative]:
    providers = {
        "cheap": InstantProvider("cheap"),
        "dear": InstantProvider("dear"),
        "keyless": Painters("keyless"),
        "useless": InstantProvider("useless"),
    }
    prices = book(cheap=2, dear=3, keyless=1)
    with opened_studio(folder / "home", providers=providers, prices=prices) as studio:
        spec = read(studio, folder, text)
        alternatives = what_if(studio, spec)
        quoted = quote_batch(plan_batch(studio, spec), BatchView(spec, {}))
        assert alternatives[0].total == quoted.total
        assert balance_of(studio).held == 0
    assert not any(provider.calls for provider in providers.values())
    assert [each.provider for each in alternatives] == ["auto", "cheap", "dear", "keyless"]
    return {each.provider: each for each in alternatives}


def test_every_provider_is_priced_for_the_same_rows(tmp_path: Path) -> None:
    made = found(tmp_path)
    # The second row is the same work as the first one; the third asks for the dear one.
    assert made["auto"].total == 2 * PAINTER + 3 * PAINTER + 2 * CUTTER
    assert made["cheap"].total == 2 * (2 * PAINTER + CUTTER)
    assert made["dear"].total == 3 * (2 * PAINTER + CUTTER)
    assert [each.does_all for each in made.values()] == [True, True, True, False]


def test_rows_that_one_cannot_do_are_told_with_the_reason(tmp_path: Path) -> None:
    keyless = found(tmp_path)["keyless"]
    assert (keyless.total, keyless.rows, keyless.not_ready) == (2 * PAINTER, 2, "needs a key")
    (unable,) = keyless.unable
    assert (unable.line, unable.row) == (5, "four")
    assert "does not do this" in unable.reason


def test_what_cannot_be_bought_now_is_not_bought(tmp_path: Path) -> None:
    providers = {"keyless": Painters("keyless")}
    with opened_studio(tmp_path / "home", providers=providers) as studio:
        auto, keyless = what_if(
            studio, read(studio, tmp_path, "operation,prompt\ngenerate,a fox\n")
        )
        assert (auto.rows, keyless.rows) == (0, 1)
        assert "needs a key" in auto.unable[0].reason


@pytest.mark.parametrize("number", [1_000])
def test_many_rows_are_priced_by_their_kinds(tmp_path: Path, number: int) -> None:
    rows = "".join(f"{n},generate,a fox {n},,\n" for n in range(number))
    cuts = "".join(f"c{n},remove_background,,@{n},\n" for n in range(number))
    made = found(tmp_path, f"row,operation,prompt,image,provider\n{rows}{cuts}")
    assert made["cheap"].total == 2 * number * (PAINTER + CUTTER)
    assert len(made["keyless"].unable) == number


def test_a_row_in_mode_auto_is_priced_by_what_each_would_decide(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(tiny_png("photo"))
    text = "operation,prompt,image,mode\ngenerate,a fox,,\nupscale,,photo.png,auto\n"
    alternatives = found(tmp_path, text)
    assert alternatives["cheap"].total == 2 * (PAINTER + PRICES["enlarger"])
    assert [each.row for each in alternatives["keyless"].unable] == ["3"]
