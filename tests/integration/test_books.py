"""The books as flows: checked, exported, and compared with a provider's bill or balance."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow
from sqlalchemy import update

from billing.tables import wallets
from engine.exporting import FOLDER, ZIP
from engine.studio import Studio, use_studio
from flows.books import check_books, export_books, reconcile
from studio.clock import now
from studio.operations import Generate
from studio.settings import Settings
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.support.studios import OWNER, execute, fund, opened_studio, order_for

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home") as opened:
        execute(opened, order_for(opened, Generate(prompt="a fox", seed=1), "fox"))
        use_studio(opened)
        yield opened
        use_studio(None)


def told(flow: Flow[..., Any], **values: Any) -> tuple[str, str, str]:
    """Run a flow; return the type of its last state, its words and the run's id."""
    run: Any = flow
    state = asyncio.run(run(return_state=True, **values))
    return state.type.value, str(state.message), str(state.state_details.flow_run_id)


def test_the_check_is_red_when_the_books_do_not_agree(studio: Studio) -> None:
    assert told(check_books)[:2] == ("COMPLETED", "every balance is what the journal says")
    studio.database.write(
        lambda c: c.execute(update(wallets).values(granted=wallets.c.granted + 1))
    )
    kind, words, _ = told(check_books)
    assert kind == "FAILED"
    assert "1 fault in the books" in words


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_books_are_exported_as_a_file_that_can_be_downloaded(studio: Studio, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    state, words, run = told(export_books, period="this-month", format=kind, owner=OWNER)
    assert state == "COMPLETED", words
    with zipfile.ZipFile(studio.settings.folder / FOLDER / run / ZIP) as packed:
        (name,) = packed.namelist()
        data = packed.read(name)
    assert name == f"books.{kind}"
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
        assert sum(int(row["micro_credits"]) for row in rows) == 0, "the journal adds up"
        assert words == f"wallet {OWNER}: {len(rows)} entries"
    else:
        from pyarrow import parquet

        assert parquet.read_table(io.BytesIO(data)).num_rows > 0


@pytest.mark.usefixtures("studio")
def test_who_is_no_member_gets_no_books_and_no_wallet_is_told_of(studio: Studio) -> None:
    fund(studio, 1, "bea")
    kind, words, run = told(export_books, owner="bea", user="ada")
    assert (kind, words.partition(":")[0]) == ("FAILED", "account_refused")
    assert not (studio.settings.folder / FOLDER / run).exists()
    assert told(export_books, period="yesterday")[0] == "FAILED"


def test_a_bill_is_compared_and_what_differs_makes_the_run_red(
    studio: Studio, tmp_path: Path
) -> None:
    (provider,) = studio.providers
    bill = tmp_path / "bill.csv"
    bill.write_text(f"request id,cost,time\nreq_nobody_knows,0.25,{now():%Y-%m-%dT%H:%M:%SZ}\n")
    kind, words, _ = told(reconcile, provider=provider, bill=str(bill))
    assert kind == "FAILED"
    assert words.endswith("1 missing here")
    kind, words, _ = told(reconcile, provider=provider, bill=str(bill), period="2020")
    assert (kind, words.partition(",")[0]) == ("COMPLETED", f"{provider}: 0 the same"), words
    kind, words, _ = told(reconcile, provider="nobody", bill=str(bill))
    assert (kind, words.partition(":")[0]) == ("FAILED", "not_found")
    kind, words, _ = told(reconcile, provider=provider, bill=str(tmp_path / "none.csv"))
    assert (kind, words.partition(":")[0]) == ("FAILED", "invalid_request")


def test_without_a_bill_the_provider_is_asked_what_is_left(tmp_path: Path) -> None:
    with WaveSpeedEmulator() as emulator:
        config = Settings(
            _env_file=None,
            home=tmp_path / "home",
            owner=OWNER,
            wavespeed_key=emulator.key,
            wavespeed_url=emulator.url,
        )
        opened = Studio(config)
        use_studio(opened)
        try:
            kind, words, _ = told(reconcile, provider="wavespeed")
            assert kind == "COMPLETED", words
            assert "compared from the next time on" in words
            emulator.funds -= 10_000  # millionths of a dollar: one credit
            kind, words, _ = told(reconcile, provider="wavespeed")
            assert kind == "FAILED"
            assert words.endswith("1 are gone, 0 by our books: 1 are not explained")
        finally:
            use_studio(None)
            opened.close()
