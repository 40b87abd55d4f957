"""Variations: one request, several pictures, each its own job; what fails is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.job_rows import jobs_of_run
from engine.quoting import sign_quote
from engine.single import plan_one
from engine.studio import Studio, use_studio
from flows.create import create_image
from studio.errors import ProviderRejected
from studio.operations import Generate
from tasks import settle
from tests.support.providers import ENHANCED, PRICES, InstantProvider, book
from tests.support.studios import OWNER, balance_of, opened_studio

PRICE = PRICES["painter"]

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def provider() -> InstantProvider:
    return InstantProvider(repeatable=False)


@pytest.fixture
def studio(tmp_path: Path, provider: InstantProvider) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home", providers={"instant": provider}) as opened:
        use_studio(opened)
        yield opened
        use_studio(None)


async def run(**values: Any) -> Any:
    flow: Any = create_image
    return await flow(prompt="a fox", owner=OWNER, return_state=True, **values)


async def _ended(**values: Any) -> tuple[str, str, str]:
    state = await run(**values)
    return state.type.value, str(state.message), str(state.state_details.flow_run_id)


def ended(studio: Studio, **values: Any) -> tuple[str, str, str]:
    del studio
    return asyncio.run(_ended(**values))


def test_each_variation_has_the_next_seed_and_a_picture_of_its_own(
    studio: Studio, provider: InstantProvider
) -> None:
    kind, words, flow_run = ended(studio, variations=4, seed=0)
    assert kind == "COMPLETED", words
    assert sorted(call.operation.seed for call in provider.calls) == [0, 1, 2, 3]  # type: ignore[attr-defined]
    with studio.database.read() as connection:
        jobs = jobs_of_run(connection, OWNER, flow_run)
    assert [job.label for job in jobs] == [f"a-fox-{number}" for number in (1, 2, 3, 4)]
    assert len({job.outputs()[0].sha256 for job in jobs}) == 4
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (4 * PRICE, 0)


def test_a_part_that_fails_is_said_and_the_rest_is_kept_and_paid(
    studio: Studio, provider: InstantProvider
) -> None:
    provider.script.append(ProviderRejected("not this one", provider="instant"))
    kind, words, flow_run = ended(studio, variations=3, seed=5)
    assert kind == "FAILED"
    assert words.startswith("2 of 3 made.")
    assert "not this one" in words
    with studio.database.read() as connection:
        states = [job.state for job in jobs_of_run(connection, OWNER, flow_run)]
    assert sorted(states) == ["failed", "settled", "settled"]
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (2 * PRICE, 0)


def test_a_prompt_is_enhanced_once_and_then_the_pictures_are_made(
    studio: Studio, provider: InstantProvider
) -> None:
    kind, words, flow_run = ended(studio, variations=2, seed=5, enhance="auto")
    assert kind == "COMPLETED", words
    prompts = [str(getattr(call.operation, "prompt", "")) for call in provider.calls]
    assert prompts == ["a fox", *[f"a fox, {ENHANCED}"] * 2]
    with studio.database.read() as connection:
        labels = [job.label for job in jobs_of_run(connection, OWNER, flow_run)]
    assert sorted(labels) == ["a-fox-1", "a-fox-2", "a-fox-prompt"]
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (PRICES["writer"] + 2 * PRICE, 0)


def test_a_prompt_that_is_not_enhanced_buys_no_picture(
    studio: Studio, provider: InstantProvider
) -> None:
    provider.script.append(ProviderRejected("not this one", provider="instant"))
    kind, words, _ = ended(studio, variations=2, enhance="auto")
    assert kind == "FAILED"
    assert words.startswith("The prompt was not enhanced, so that no picture was bought.")
    assert "not this one" in words
    assert len(provider.calls) == 1
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (0, 0)


def test_an_empty_wallet_buys_none_of_them(studio: Studio, provider: InstantProvider) -> None:
    flow: Any = create_image

    async def poor() -> Any:
        return await flow(prompt="a fox", owner="nobody", variations=3, return_state=True)

    assert asyncio.run(poor()).is_failed()
    assert provider.calls == []


def test_the_quote_has_a_line_for_each(studio: Studio) -> None:
    planned = plan_one(studio, Generate(prompt="x", variations=10, seed=7), OWNER, "key")
    assert planned.quote.total == 10 * PRICE
    assert [plan.operation.seed for plan in planned.plans] == list(range(7, 17))  # type: ignore[attr-defined]


def test_the_last_seed_is_followed_by_the_first() -> None:
    pieces = Generate(prompt="x", variations=2, seed=4_294_967_294).pieces()
    assert [piece.seed for piece in pieces] == [4_294_967_294, 0]


def test_a_signed_quote_is_kept_by_the_flow_after_prices_went_up(
    studio: Studio, provider: InstantProvider, tmp_path: Path
) -> None:
    planned = plan_one(studio, Generate(prompt="a fox"), OWNER, "quote")
    _, token = sign_quote(studio.settings, planned.quote, Generate(prompt="a fox"), (), OWNER)
    use_studio(None)
    studio.close()
    with opened_studio(
        tmp_path / "home", providers={"instant": provider}, prices=book(instant=3)
    ) as dearer:
        use_studio(dearer)
        kind, words, _ = ended(dearer, quote=token)
        assert (kind, balance_of(dearer).captured) == ("COMPLETED", PRICE), words
        kind, words, _ = ended(dearer, quote=token, width=512)
        assert kind == "FAILED"
        assert "another request" in words
        kind, words, _ = ended(dearer)
        assert (kind, balance_of(dearer).captured) == ("COMPLETED", 4 * PRICE), words


def test_a_retry_lets_go_of_what_the_attempt_before_it_held(
    studio: Studio, provider: InstantProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold that nobody ended counts as a run under way, and against limits and budgets."""
    begun: list[Any] = []

    async def cut_off(*values: Any) -> None:
        begun.append(values)
        if len(begun) == 1:
            raise RuntimeError("the process is gone")
        await settle(*values)

    monkeypatch.setattr("flows.single.settle", cut_off)
    provider.script.append(ProviderRejected("not now", provider="instant"))
    again: Any = create_image.with_options(retries=1, retry_delay_seconds=0)
    values: dict[str, Any] = {"prompt": "a fox", "seed": 1, "variations": 2}
    state = asyncio.run(again(**values, owner=OWNER, return_state=True))
    assert state.is_completed(), state.message
    assert (len(begun), len(provider.calls)) == (2, 3)
    balance = balance_of(studio)
    assert (balance.captured, balance.held) == (2 * PRICE, 0)
