"""The end of a server of our own: Prefect sends what it holds before, whatever happens."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployments import server
from studio.settings import Settings


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have a server that is none; return what happens, in its order."""
    order: list[str] = []
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(server, "is_healthy", lambda _: False)
    monkeypatch.setattr(server, "start_server", lambda _: order.append("started"))
    monkeypatch.setattr(server, "stop_process", lambda _: order.append("stopped"))
    for module, worker in server._SENDERS.items():
        sender = SimpleNamespace(drain_all=lambda timeout, name=worker: order.append(name))
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{worker: sender}))
    return order


def test_log_and_events_are_sent_while_the_server_is_there(
    order: list[str], tmp_path: Path
) -> None:
    with server.running_server(Settings(home=tmp_path)):
        order.append("used")
    assert order == ["started", "used", "APILogWorker", "EventsWorker", "stopped"]


def test_a_second_ctrl_c_does_not_leave_the_server_behind(
    order: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "send_what_is_left", interrupted)
    with pytest.raises(KeyboardInterrupt), server.running_server(Settings(home=tmp_path)):
        pass
    assert order == ["started", "stopped"]


def test_the_senders_are_where_prefect_has_them() -> None:
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    found = {each.__module__: each.__name__ for each in (APILogWorker, EventsWorker)}
    assert found == server._SENDERS
    assert all(callable(each.drain_all) for each in (APILogWorker, EventsWorker))
