"""Every flow in ``flows/`` passes the gate first: with an empty wallet nothing is bought."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import wave
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from prefect import Flow, State, flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.states import Completed
from sqlalchemy import Connection

import flows
from batches import end_rows, save_batch
from billing.ledger import Ledger
from billing.pricebook import PriceBook, PriceLine
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.studio import Studio, use_studio
from providers import Delivery, Offer, PriceRule, Provider, Request
from studio.operations import OPERATIONS
from studio.settings import Settings

pytestmark = pytest.mark.usefixtures("prefect_server")

FREE = {
    *("export-selection", "import-files", "report", "tag-arrivals", "tidy-library", "upkeep"),
    *("tell-operators", "watch", "check-books", "export-books", "reconcile"),
}
"""Flows whose quote is 0 by their nature. Every other one must be refused by an empty wallet."""

UNHELD = {"batch-shard": "hold_refused"}
"""Flows that hold nothing of their own, and what refuses them where nobody has held for them."""

OWNER = "without-credits"


class Untouched(Provider):
    """Sells every operation, is always ready, and counts who calls it."""

    name = "local"

    def __init__(self) -> None:
        self._offers = tuple(
            Offer(
                id=f"local/{name}",
                provider="local",
                model=name,
                operation=name,
                price=PriceRule(unit="piece"),
                says="Nothing: nobody gets here without credits.",
            )
            for name in OPERATIONS
        )
        self.calls = 0

    def book(self) -> PriceBook:
        """Return the prices of all that it sells."""
        lines = [
            PriceLine(
                offer=offer.id, unit="piece", price=1, provider_cost=1, source="made up for tests"
            )
            for offer in self._offers
        ]
        return PriceBook(
            version="tests", date=date(2026, 1, 1), currency="micro-credits", lines=tuple(lines)
        )

    def offers(self) -> Sequence[Offer]:
        return self._offers

    def not_ready(self, offer: Offer) -> str:
        return ""

    async def _submit(self, offer: Offer, request: Request) -> Delivery:
        self.calls += 1
        raise AssertionError(f"{offer.id} was called without credits")


@pytest.fixture
def provider() -> Untouched:
    return Untouched()


@pytest.fixture
def studio(tmp_path: Path, provider: Untouched) -> Iterator[Studio]:
    opened = Studio(
        Settings(home=tmp_path / "home"), providers={"local": provider}, book=provider.book()
    )
    Ledger(opened.database, group=opened.commits).open_wallet(OWNER)
    use_studio(opened)
    yield opened
    use_studio(None)
    opened.close()


def silence(path: Path) -> Path:
    """Write a second of silence as a WAV file."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(16_000))
    return path


def all_flows() -> list[Flow[..., Any]]:
    """Find every flow that any module of the package holds."""
    found: dict[str, Flow[..., Any]] = {}
    for module in pkgutil.walk_packages(flows.__path__, "flows."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Flow):
                found[value.name] = value
    return list(found.values())


def failed_batch(studio: Studio, owner: str = OWNER) -> str:
    """Keep a batch whose only row has failed; return its id."""
    data = b"row,operation,prompt\nhill,generate,a hill\n"
    spec = read_file(studio, data, source="b.csv", owner=owner, folder=None)
    end = {"state": "failed", "code": "provider_rejected", "message": "no"}

    def keep(connection: Connection) -> None:
        save_batch(connection, spec)
        end_rows(connection, spec.id, {"hill": end})

    studio.database.write(keep)
    return spec.id


def unheld_batch(studio: Studio) -> dict[str, str]:
    """Keep a batch that this process says it runs, without a hold; return what names it."""
    data = b"row,operation,prompt\nhill,generate,a hill\n"
    spec = read_file(studio, data, source="b.csv", owner=OWNER, folder=None)
    start_batch(studio, plan_batch(studio, spec), "the-run")
    return {"batch": spec.id, "run": "the-run"}


def parameters(of: Flow[..., Any], folder: Path, studio: Studio) -> dict[str, Any]:
    """Return parameters that would work, were there credits."""
    picture = folder / "example.png"
    Image.new("RGB", (64, 48), "azure").save(picture)  # it has to do for a mask as well
    operation = getattr(of.fn, "operation", None)
    if operation is not None:
        values = {**operation.example, "owner": OWNER}
        files = {"example.png": str(picture), "example.wav": str(silence(folder / "example.wav"))}
        return {k: files[v] if isinstance(v, str) and v in files else v for k, v in values.items()}
    if of.name == "batch":
        sheet = folder / "batch.csv"
        rows = ("operation,prompt,image", "generate,a hill,", "remove_background,,example.png")
        sheet.write_text("\n".join(rows))
        return {"csv": str(sheet), "owner": OWNER}
    if of.name in {"batch-again", "batch-shard"}:
        again = of.name == "batch-again"
        kept = {"batch": failed_batch(studio)} if again else unheld_batch(studio)
        return {**kept, "owner": OWNER}
    if of.name == "import-files":
        return {"sources": [str(picture)], "owner": OWNER}
    if of.name in {"export-selection", "batch-selection"}:
        studio.inputs.find("image", str(picture), OWNER)
        operation = {"operation": "tag"} if of.name == "batch-selection" else {}
        return {**operation, "words": "example", "owner": OWNER}
    if of.name in FREE:
        return free_parameters(folder).get(of.name, {})
    pytest.fail(f"tell this test how to call the flow {of.name!r} in flows/")


def free_parameters(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what flows are asked, by their names, whose quote is 0."""
    bill = folder / "bill.csv"
    bill.write_text("id,cost,time\nreq_1,0.25,2026-01-02\n")
    return {
        "watch": {"folder": str(folder / "empty"), "owner": OWNER},
        "tell-operators": {"title": "A provider is down", "subject": "instant"},
        "export-books": {"owner": OWNER},
        "reconcile": {"provider": "local", "bill": str(bill), "period": "2020"},
    }


async def faults(of: Flow[..., Any], values: dict[str, Any], provider: Untouched) -> list[str]:
    """Run a flow with an empty wallet and return what is wrong with how it ends."""
    # Prefect's types do not know that a flow of an async function is awaited.
    run: Any = of
    state: State[Any] = await run(**values, return_state=True)
    wrong = []
    if provider.calls:
        wrong.append(f"a provider was called {provider.calls} times")
    if of.name not in FREE and not state.is_failed():
        wrong.append(f"it ended {state.name}, not Failed")
    code = UNHELD.get(of.name, "not_enough_credits")
    if of.name not in FREE and code not in (state.message or ""):
        wrong.append(f"its message does not say that credits are missing: {state.message}")
    first = await first_task(state)
    if first != "preflight":
        wrong.append(f"its first task is {first}, not preflight")
    return wrong


async def first_task(state: State[Any]) -> str:
    """Return the name of the first task of a run; the server is told a moment later."""
    run = state.state_details.flow_run_id
    assert run is not None
    for _ in range(50):
        async with get_client() as client:
            runs = await client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run]))
            )
            started = sorted((r for r in runs if r.start_time), key=lambda r: str(r.start_time))
            if started:
                return started[0].name.split("-")[0].split(" ")[0]
        await asyncio.sleep(0.2)
    return "none"


@pytest.mark.parametrize("of", all_flows(), ids=lambda of: str(of.name))
def test_an_empty_wallet_stops_every_flow_before_any_provider(
    of: Flow[..., Any], studio: Studio, provider: Untouched, tmp_path: Path
) -> None:
    assert asyncio.run(faults(of, parameters(of, tmp_path, studio), provider)) == []
    ledger = Ledger(studio.database, group=studio.commits)
    balance = ledger.balance(OWNER)
    assert (balance.held, balance.captured) == (0, 0)
    assert ledger.audit() == []


def test_a_flow_without_the_gate_is_found_out(studio: Studio, provider: Untouched) -> None:
    @flow(name="ungated")
    async def ungated() -> State[Any]:
        return Completed(message="bought something, who knows how")

    wrong = asyncio.run(faults(ungated, {}, provider))
    assert any("not Failed" in fault for fault in wrong)
    assert any("not preflight" in fault for fault in wrong)


def test_every_flow_is_offered_as_a_deployment(studio: Studio, provider: Untouched) -> None:
    from deployments.catalogue import deployments

    offered = {each.flow.name for each in deployments(provider.offers(), studio.book)}
    assert offered == {each.name for each in all_flows()}
