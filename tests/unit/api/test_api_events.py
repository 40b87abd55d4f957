"""Progress as server-sent events."""

from __future__ import annotations

import json
import threading

import pytest

from interfaces.api import events
from interfaces.api.events import Streams
from interfaces.api.runs import Run
from studio.errors import TooManyRequests
from tests.support.studios import fund
from tests.unit.api.conftest import Door

BODY = {"prompt": "a hill", "seed": 1}


def told(text: str) -> list[dict[str, str]]:
    """Return the events of a stream, by their fields."""
    blocks = [block for block in text.split("\n\n") if block.startswith("id: ")]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_LOOK_SECONDS", 0.02)


def test_a_run_is_followed_to_its_end(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.runs.waits = True
    run = door.post("/operations/generate", json=BODY).json()["run"]["id"]

    looked = {status: threading.Semaphore(0) for status in ("queued", "running", "done")}
    find = door.runs.find

    def looking(owner: str, name: str) -> Run:
        found = find(owner, name)
        looked[found.status].release()
        return found

    monkeypatch.setattr(door.runs, "find", looking)

    def go_on() -> None:
        # The first look is that of the request, the second one is told by the stream.
        assert looked["queued"].acquire(timeout=60)
        assert looked["queued"].acquire(timeout=60)
        door.runs.end(run, "running")
        assert looked["running"].acquire(timeout=60)
        door.runs.finish(run)

    worker = threading.Thread(target=go_on)
    worker.start()
    answer = door.get(f"/runs/{run}/events")
    worker.join()
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = told(answer.text)
    statuses = [json.loads(each["data"])["status"] for each in found]
    assert (statuses[0], statuses[-1]) == ("queued", "done")
    assert "running" in statuses
    assert [each["event"] for each in found] == ["progress"] * (len(found) - 1) + ["end"]
    last = json.loads(found[-1]["data"])
    assert (len(last["assets"]), last["spent"]["credits"]) == (1, "4")
    assert len({each["id"] for each in found}) == len(found)


def test_who_comes_back_is_sent_what_is_new_alone(door: Door) -> None:
    run = door.post("/operations/generate", json=BODY).json()["run"]["id"]
    (end,) = told(door.get(f"/runs/{run}/events").text)
    known = {"Last-Event-ID": end["id"]}
    assert door.get(f"/runs/{run}/events", headers=known).status_code == 204
    other = {"Last-Event-ID": "of another time"}
    assert told(door.get(f"/runs/{run}/events", headers=other).text) == [end]


def test_a_stream_beats_and_ends_by_itself(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(events, "LONGEST_SECONDS", 2)
    door.runs.waits = True
    run = door.post("/operations/generate", json=BODY).json()["run"]["id"]
    text = door.get(f"/runs/{run}/events").text
    assert ": beat\n\n" in text
    assert len(told(text)) == 1


def test_anothers_run_is_not_followed(door: Door) -> None:
    fund(door.studio, 1, "eve")
    run = door.post("/operations/generate", json=BODY).json()["run"]["id"]
    assert door.get(f"/runs/{run}/events", key=door.key("eve")).status_code == 404


def test_streams_are_counted_and_given_back(door: Door) -> None:
    streams = Streams(most=3, of_a_key=2)
    with streams.one("a"), streams.one("a"):
        with pytest.raises(TooManyRequests), streams.one("a"):
            pass
        with streams.one("b"), pytest.raises(TooManyRequests), streams.one("c"):
            pass
    with streams.one("a"), streams.one("a"):
        pass
    door.app.state.streams = Streams(of_a_key=1)
    run = door.post("/operations/generate", json=BODY).json()["run"]["id"]
    for _ in range(3):
        assert door.get(f"/runs/{run}/events").status_code == 200
