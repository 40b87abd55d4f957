"""What messages say: plain, short, with what to do, and never a command to a channel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.announcements import approval_needed, schedule_missed
from engine.events import EVENTS
from engine.notifications import LONGEST_TITLE, WORDS, joined, words
from engine.outbox import Message, Waiting
from studio.clock import now
from studio.settings import Settings

ROOT = Path(__file__).parents[3]
CONFIG = Settings(
    _env_file=None,
    public_url="https://pictures.example.org",
    prefect_url="https://prefect.example.org/v2/",
)
RUN = "0192f0c1-7c6f-7d10-8000-000000000000"

_BATCH = {
    "batch": "bat_1",
    "name": "spring.csv",
    "counts": {"done": 7, "failed": 2, "unknown": 1},
    "credits": 28_000_000,
    "causes": [{"code": "content_blocked", "count": 2, "message": "The prompt was blocked."}],
    "assets": ["ast_1", "ast_2"],
    "run": RUN,
}
_BOARD = {"board": "brd_1", "title": "Foxes", "link": "blk_1", "label": "Client"}
_PAYLOADS: dict[str, dict[str, Any]] = {
    "picture.ready": {"label": "fox", "credits": 4_000_000, "assets": ["ast_1"], "run": RUN},
    "picture.failed": {
        "label": "fox",
        "credits": 0,
        "job": "job_1",
        "cause": {"code": "provider_rejected", "message": "The prompt is too long."},
    },
    "picture.unknown": {
        "label": "fox",
        "job": "job_1",
        "cause": {"code": "outcome_unknown", "message": "The connection was cut."},
    },
    "batch.finished": _BATCH | {"counts": {"done": 10}, "causes": []},
    "batch.partly_failed": _BATCH,
    "batch.failed": _BATCH | {"counts": {"failed": 10}},
    "batch.approval_needed": dict(
        approval_needed(
            "ada", batch="bat_1", name="spring", rows=9, total=9_000_000, until=now(), run=RUN
        ).payload
    ),
    "schedule.missed": dict(
        schedule_missed("ada", schedule="nightly", due=now(), reason="the server was down").payload
    ),
    "budget.threshold": {
        "budget": "project spring",
        "percent": 80,
        "spent": 80_000_000,
        "amount": 100_000_000,
        "refused": True,
        "resets_at": "2026-12-01T00:00:00+00:00",
    },
    "board.opened": _BOARD,
    "board.commented": _BOARD | {"name": "Ann", "text": "nice", "asset": "ast_1"},
    "board.decided": _BOARD | {"name": "Ann", "decision": "taken back", "asset": "ast_1"},
    "board.guessed": _BOARD | {"most": 50},
    "balance.low": {"left": 5_000_000, "threshold": 10_000_000},
    "holds.expired": {"holds": 2, "returned": 4_000_000, "purposes": ["batch b", "generate"]},
    "operations.alert": {"title": "stability is down", "text": "Until noon.", "run": ""},
    "books.disagree": {"count": 1, "faults": ["wallet ada: held 3, should be 2"]},
}


def _say(event: str, **payload: Any) -> tuple[str, str]:
    message = Message("ada", event, "s", _PAYLOADS.get(event, {}) | payload)
    return words(Waiting("msg_1", message), CONFIG)


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_told_in_few_plain_words(event: str) -> None:
    title, body = _say(event)
    assert 5 < len(title) <= 80
    assert body.endswith("\nMessage msg_1")
    assert len(body) < 700
    assert event not in {title, body}
    good = {"picture.ready", "batch.finished", "board.opened"}
    own_words = {"operations.alert"}  # what to do is in the automation's own text
    assert ("What to do: " in body) == (event not in good | own_words)


def test_a_batch_says_how_many_of_what_and_the_first_causes() -> None:
    title, body = _say("batch.partly_failed")
    assert title == "Partly failed: batch spring.csv: 7 done, 2 failed, 1 unknown"
    lines = [re.sub(r"\?expires=\d+&signature=[\w-]{32}$", "?signed", x) for x in body.splitlines()]
    assert lines == [
        "2 with content_blocked: The prompt was blocked.",
        "28 credits spent by ada.",
        (
            "What to do: `studio batch status bat_1` lists the rows; run the file again for the "
            "rest. `studio jobs list` shows what may have been bought."
        ),
        "https://pictures.example.org/assets/ast_1?signed",
        "https://pictures.example.org/assets/ast_2?signed",
        f"https://prefect.example.org/v2/runs/flow-run/{RUN}",
        "Message msg_1",
    ]


def test_a_message_of_before_causes_were_told_is_still_told() -> None:
    old = {"name": "old.csv", "counts": {"done": 1}, "credits": 0, "batch": "b", "run": "r"}
    title, body = words(Waiting("m", Message("ada", "batch.finished", "s", old)), CONFIG)
    assert title == "Batch old.csv: 1 done"
    assert "flow-run" not in body


def test_names_from_strangers_command_nothing() -> None:
    title, body = _say(
        "picture.ready", label="a\r\nBcc: eve@example.org\x00 @everyone " + "x" * 500
    )
    assert "\n" not in title
    assert "\r" not in title
    assert "@everyone" not in title
    assert len(title) <= LONGEST_TITLE
    title, body = _say(
        "batch.failed", causes=[{"code": "c", "count": 1, "message": "@here \x1b[0m"}]
    )
    assert "@here" not in body
    assert "\x1b" not in body


def test_an_event_without_words_is_told_all_the_same() -> None:
    assert _say("something.new") == ("something.new: s", "For ada.\nMessage msg_1")


def test_a_digest_has_what_finds_room_and_says_how_many_that_are() -> None:
    waiting = [
        Waiting(
            f"msg_{number}",
            Message("ada", "picture.ready", str(number), _PAYLOADS["picture.ready"]),
        )
        for number in range(30)
    ]
    title, body, count = joined(waiting, CONFIG)
    assert (title, count) == ("Image Studio: 30 messages", 30)
    assert len(set(re.findall(r"Message (msg_\d+)", body))) == 30
    title, body, count = joined(waiting, CONFIG, room=400)
    assert 1 < count < 30
    assert len(body) <= 400
    assert body.count("Message msg_") == count
    _, body, count = joined(waiting, CONFIG, room=40)
    assert count == 1
    assert len(body) <= 40
    assert body.endswith("Message msg_0")


def test_events_words_and_the_page_name_the_same() -> None:
    assert set(EVENTS) == set(WORDS)
    page = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*) \|$", page, re.MULTILINE))
    assert rows == EVENTS


def test_every_message_that_the_code_makes_is_of_a_known_event() -> None:
    made = set()
    for room in ("billing", "engine", "batches", "tasks", "flows"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for call in re.findall(r"\b(?:Message|Alert)\((?=(.{0,200}))", text, re.DOTALL):
                made |= set(re.findall(r'"((?:[a-z]+)\.(?:[a-z_]+))"', call)[:1])
            if path.name in {"announcements.py", "outcomes.py"}:
                made |= set(re.findall(r'"((?:batch|picture)\.[a-z_]+)"', text))
    assert made == set(EVENTS)
