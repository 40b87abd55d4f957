"""Every deployment's form in a real browser, in the pages that people get by default.

One Prefect server and one page. Each form is submitted as it stands and filled in; then every run
that came of it is carried out here, in this process, by the flow that the deployment names and by
the provider ``local``, as ``studio up`` would in a process of its own. What a form sends is looked
at in the run that Prefect made of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page
from prefect import State, get_client
from prefect.flow_engine import run_flow_async
from prefect.runner import Runner

from billing.ledger import Ledger
from billing.pricebook import current
from deployments.catalogue import Offered, deployments
from deployments.serving import register
from engine.studio import Studio, use_studio
from providers.catalogue import all_offers
from providers.local import weights
from studio import credits as money
from studio.clock import now
from studio.settings import Settings
from tests.conftest import SETTINGS
from tests.integration.test_gate import failed_batch, silence
from tests.support.browser import find_chromium, opened_browser, opened_page
from tests.support.forms import Answer, fill_all, open_form, submit

pytestmark = [
    pytest.mark.trial,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("prefect_server"),
]

OFFERED = {each.name: each for each in deployments(all_offers(), current(now().date()))}
OWNER = SETTINGS.owner
FUNDS = 1_000 * money.MICRO

CHEAP: Mapping[str, Mapping[str, Any]] = {
    "generate": {"width": 96, "height": 64, "style": "line-art", "quality": "draft"},
    "image_to_video": {"resolution": "480p", "duration": 3},
    "outpaint": {"right": 16},
    "social_export": {"formats": ["twitter_card"], "safe_zones": True},
}
"""What is filled in beside an operation's example, so that it is quick, and so that each kind of
field is used: numbers, switches, lists to choose one or several from."""

NOT_HERE: Mapping[str, str] = {
    "Part of a batch": "conflict",
    "Swap face": "no_offer",
    "Upscale creatively": "no_offer",
}
"""What nobody can carry out without a key, or by hand, and the code with which its runs end."""


@dataclass
class Tried:
    """What became of a form.

    Attributes:
        values: what was filled in.
        untouched: the answer to the form as it stood.
        filled: the answer once it was filled in.
        states: how the runs ended, and what each of them cost, in micro-credits.
        broken: what went wrong in the page.
    """

    schema: Mapping[str, Any]
    values: Mapping[str, Any]
    untouched: Answer | None = None
    filled: Answer | None = None
    states: dict[str, tuple[State[Any], int]] = field(default_factory=dict)
    broken: Exception | None = None


def ask(path: str, body: dict[str, Any] | None = None) -> Any:
    method = "GET" if body is None else "POST"
    url = os.environ["PREFECT_API_URL"] + path
    return (
        httpx.request(method, url, json=body, timeout=60, trust_env=False).raise_for_status().json()
    )


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    weights.fetch(Settings().weights_folder)
    folder = tmp_path_factory.mktemp("forms")
    home, port = folder / "home", SETTINGS.files_port
    opened = Studio(Settings(_env_file=None, home=home, owner=OWNER, files_port=port))
    ledger = Ledger(opened.database, group=opened.commits)
    ledger.open_wallet(OWNER)
    ledger.top_up(OWNER, FUNDS, key="start", author="tester", reason="a test")
    use_studio(opened)
    yield opened
    use_studio(None)
    opened.close()


@pytest.fixture(scope="module")
def tried(
    request: pytest.FixtureRequest,
    prefect_server: str,
    studio: Studio,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Tried]:
    find_chromium()
    # With -k, only the forms that are asked for.
    items = [getattr(each, "callspec", None) for each in request.session.items]
    asked = {each.params.get("name") for each in items if each is not None}
    offered = {name: each for name, each in OFFERED.items() if name in asked}
    folder = tmp_path_factory.mktemp("given")
    asyncio.run(register(Runner(name="forms", pause_on_shutdown=False), list(offered.values())))
    there = {each["name"]: each for each in ask("/deployments/filter", {})}
    found = {
        name: Tried(there[name]["parameter_openapi_schema"], values_for(each, folder, studio))
        for name, each in offered.items()
    }
    with opened_browser() as browser, opened_page(browser, folder) as page:
        for name, each in found.items():
            address = (
                f"{os.environ['PREFECT_UI_URL']}/deployments/deployment/{there[name]['id']}/run"
            )
            try:
                try_form(page, address, each)
            except Exception as error:  # noqa: BLE001 - it is told by the test of this form
                page.screenshot(path=folder / f"{name}.png", full_page=True)
                error.add_note(f"the page at that moment: {folder / f'{name}.png'}")
                each.broken = error
    for name, each in found.items():
        for answer in (each.untouched, each.filled):
            if answer is not None and answer.run:
                before = Ledger(studio.database).balance(OWNER).captured
                state = asyncio.run(carried_out(OFFERED[name], answer.run))
                spent = Ledger(studio.database).balance(OWNER).captured - before
                each.states[answer.run] = (state, spent)
    return found


def try_form(page: Page, address: str, each: Tried) -> None:
    open_form(page, address, each.schema)
    each.untouched = submit(page)
    if each.untouched.run:
        open_form(page, address, each.schema)
    fill_all(page, each.schema, each.values)
    each.filled = submit(page)


async def carried_out(offered: Offered, run: str) -> State[Any]:
    """Carry a run out in this process, as the one does that Prefect starts for it."""
    async with get_client() as client:
        flow_run = await client.read_flow_run(UUID(run))
    parameters = offered.flow.validate_parameters(flow_run.parameters)
    # Prefect's types do not know that this is the state that was asked for.
    flow: Any = offered.flow
    state = await run_flow_async(
        flow, flow_run=flow_run, parameters=parameters, return_type="state"
    )
    assert isinstance(state, State)
    return state


def values_for(offered: Offered, folder: Path, studio: Studio) -> dict[str, Any]:
    """Return what a person would fill in, beside what a preset has filled in already."""
    picture, drawing = folder / "example.png", folder / "drawing.png"
    if not picture.exists():
        astronaut = Image.open(studio.settings.weights_folder / "astronaut.png").convert("RGB")
        astronaut.resize((128, 128)).save(picture)
        lines = Image.new("RGB", (128, 128), "white")
        ImageDraw.Draw(lines).rectangle((30, 40, 100, 110), outline="black", width=3)
        lines.save(drawing)
    operation = getattr(offered.flow.fn, "operation", None)
    if operation is None:
        return others(offered.name, picture, folder, studio)
    name = operation.model_fields["operation"].default
    values = {**operation.example, **CHEAP.get(name, {}), "max_credits": "100"}
    given = drawing if name == "sketch" else picture
    files = {"example.png": str(given), "example.wav": str(silence(folder / "example.wav"))}
    values = {k: files[v] if isinstance(v, str) and v in files else v for k, v in values.items()}
    return {name: value for name, value in values.items() if name not in offered.parameters}


def others(name: str, picture: Path, folder: Path, studio: Studio) -> dict[str, Any]:
    chosen = folder / "selected.png"
    Image.open(picture).resize((96, 64)).save(chosen)
    studio.inputs.find("image", str(chosen), OWNER)
    sheet, incoming = folder / "batch.csv", folder / "incoming"
    sheet.write_text("operation,prompt,width,height\ngenerate,a hill,64,64\n")
    incoming.mkdir(exist_ok=True)
    bill = folder / "bill.csv"
    bill.write_text("id,cost,time\nreq_1,25,2026-01-02\n")
    known: dict[str, dict[str, Any]] = {
        "Import files": {"sources": [str(picture)]},
        "Batch from CSV": {"csv": str(sheet), "priority": "high", "defaults": "quality=draft"},
        "Retry a batch": {"batch": failed_batch(studio, OWNER), "rows": "rest"},
        "Batch from library": {
            "operation": "convert",
            "words": "selected",
            "defaults": "output_format=webp",
        },
        "Tag assets": {"words": "selected", "most": 5},
        "Export assets": {"words": "selected", "packed": "folder", "kind": "image"},
        "Tidy library": {"look_only": True},
        "Part of a batch": {"batch": failed_batch(studio, OWNER), "run": "none"},
        "Watch folder": {"folder": str(incoming), "settle": 1},
        "Monthly report": {"period": "this-month"},
        "Export books": {"period": "this-month", "format": "csv"},
        "Reconcile with a provider": {
            "provider": "wavespeed",
            "bill": str(bill),
            "unit": "credits",
            "period": "2020",
        },
        "Tell operators": {"title": "A test", "subject": "forms", "text": "Nothing to do."},
    }
    return known.get(name, {})


@pytest.fixture
def form(tried: dict[str, Tried], name: str) -> Tried:
    each = tried[name]
    if each.broken is not None:
        raise each.broken
    return each


def in_the_run(run: str) -> dict[str, Any]:
    return dict(ask(f"/flow_runs/{run}")["parameters"])


def meant(
    each: Tried, offered: Offered, sent: Mapping[str, Any], filled: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a form means: what was filled in, what the preset says, the flow's defaults."""
    defaults = {k: v["default"] for k, v in each.schema["properties"].items() if "default" in v}
    return {**{k: v for k, v in defaults.items() if k in sent}, **offered.parameters, **filled}


@pytest.mark.parametrize("name", OFFERED)
def test_as_it_stands_a_form_asks_for_what_is_missing_or_runs_for_nothing(
    form: Tried, name: str
) -> None:
    answer = form.untouched
    assert answer is not None
    required = [
        each for each in form.schema.get("required", ()) if each not in OFFERED[name].parameters
    ]
    if required:
        assert not answer.run
        assert f"'{required[0]}' is a required property" in answer.refusal
        for each in required:
            assert f"'{each}' is a required property" in answer.shown
        return
    sent = in_the_run(answer.run)
    assert sent == meant(form, OFFERED[name], sent, {})
    state, spent = form.states[answer.run]
    assert spent == 0
    if not state.is_completed():
        assert "field: " in str(state.message), state.message


@pytest.mark.parametrize("name", OFFERED)
def test_filled_in_it_sends_what_was_filled_in_and_ends_as_it_should(
    form: Tried, name: str
) -> None:
    answer = form.filled
    assert answer is not None
    assert answer.run, answer.refusal
    sent = in_the_run(answer.run)
    assert sent == meant(form, OFFERED[name], sent, form.values)
    assert None not in sent.values()
    state, _ = form.states[answer.run]
    if name in NOT_HERE:
        assert state.is_failed()
        assert str(state.message).startswith(f"{NOT_HERE[name]}: ")
    else:
        assert state.is_completed(), state.message
