"""Connections to a provider: what is kept between requests, and what is not."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Callable

import pytest

from providers.connections import Connections
from providers.http import Transport
from studio.errors import OutcomeUnknown, ProviderUnavailable
from tests.unit.providers.raw_server import Answer, RawServer, closes, says, then
from tests.unit.providers.scripted_net import client_tls, server_tls
from tests.unit.providers.transport_kit import read, run, submit, transport, without_waits

OK = says(body=b'{"id": 1}')


async def order(made: Transport) -> None:
    await made.submit("/work", seconds=5, json={"prompt": "a fox"})


async def question(made: Transport) -> None:
    await made.read("/state", seconds=5)


def test_each_order_has_a_connection_of_its_own() -> None:
    async def work(made: Transport) -> None:
        for _ in range(5):
            await order(made)
            await question(made)

    with RawServer(OK) as server:
        run(transport(server.url), work)
        orders = [each.connection for each in server.seen if each.head.startswith("POST")]
        questions = {each.connection for each in server.seen if each.head.startswith("GET")}
        assert len(set(orders)) == 5
        assert len(questions) == 1
        assert server.connections == 6


class Reaper(RawServer):
    """Closes a kept connection in the moment when another request arrives on it."""

    def _answer(self, connection: socket.socket, number: int) -> bool:
        if any(each.connection == number for each in self.seen):
            self.lost += len(connection.recv(1))
            return False
        return super()._answer(connection, number)

    lost = 0


@pytest.mark.parametrize("pause", [0.0, 0.005])
def test_no_order_is_lost_on_a_connection_that_the_server_gives_up(pause: float) -> None:
    """The race that a look at the connection before its use cannot win."""

    async def work(made: Transport) -> None:
        for _ in range(10):
            await order(made)
            await asyncio.sleep(pause)

    with Reaper(OK) as server:
        run(transport(server.url), work)
        assert len(server.seen) == 10
        assert server.lost == 0


def test_that_race_is_real_and_a_question_survives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = without_waits(monkeypatch)

    async def work(made: Transport) -> None:
        for _ in range(4):
            await question(made)

    with Reaper(OK) as server:
        run(transport(server.url), work)
        assert len(server.seen) == 4
        assert server.lost == 3
    assert len(clock.waits) == 3


@pytest.mark.parametrize(
    ("script", "idle", "pause"),
    [(then(OK), 30, 0), (then(OK), 30, 0.05), (OK, 0.2, 0.5), (OK, 0.2, 0.2)],
    ids=["closes at once", "closed a moment ago", "closed while idle", "closing just now"],
)
def test_a_server_that_closes_unasked_leaves_no_order_unknown(
    script: Answer, idle: float, pause: float
) -> None:
    async def work(made: Transport) -> None:
        for _ in range(4):
            await question(made)
            await asyncio.sleep(pause)
            await order(made)
            await asyncio.sleep(pause)

    with RawServer(script, idle=idle) as server:
        run(transport(server.url), work)
        assert len([each for each in server.seen if each.head.startswith("POST")]) == 4


def test_no_cookie_is_kept() -> None:
    def biscuit(path: str) -> bytes:
        return says(body=b"{}", set_cookie=f"session=of-{path}; Path=/; Max-Age=9999")

    async def work(made: Transport) -> None:
        await order(made)
        await question(made)
        await order(made)
        await question(made)
        assert len(made._connections.orders().cookies.jar) == 0
        assert len(made._connections.questions().cookies.jar) == 0

    with RawServer(biscuit("a")) as server:
        run(transport(server.url), work)
        assert len(server.seen) == 4
        assert [each.header("cookie") for each in server.seen] == [[]] * 4


def test_it_works_in_one_loop_after_the_other() -> None:
    with RawServer(OK) as server:
        made = transport(server.url)
        # Without closing: the connections of a loop that is gone must be no trap.
        for _ in range(3):
            asyncio.run(question(made))
            asyncio.run(order(made))
        run(made, order)
        run(made, question)
        assert len(server.seen) == 8


def test_two_loops_at_once() -> None:
    with RawServer(OK) as server:
        made = transport(server.url)
        failures: list[BaseException] = []

        async def work() -> None:
            for _ in range(20):
                await question(made)
                await order(made)
            await made.close()

        def whole() -> None:
            try:
                asyncio.run(work())
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
                failures.append(error)

        threads = [threading.Thread(target=whole) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert failures == []
        assert len(server.seen) == 120


def test_closing_in_another_loop_does_not_hang() -> None:
    with RawServer(OK) as server:
        made = transport(server.url)
        asyncio.run(question(made))
        begun = time.monotonic()
        asyncio.run(made.close())
        asyncio.run(made.close())
        assert time.monotonic() - begun < 15
        read(made)
        submit(made)
        assert len(server.seen) == 3


def test_closing_closes() -> None:
    ended = threading.Event()

    class Watched(RawServer):
        def _serve(self, connection: socket.socket, number: int) -> None:
            super()._serve(connection, number)
            ended.set()

    async def work() -> None:
        made = transport(server.url)
        await question(made)
        await asyncio.sleep(0.05)
        assert not ended.is_set()
        await made.close()
        assert await asyncio.to_thread(ended.wait, 60)

    with Watched(OK) as server:
        asyncio.run(work())


def test_a_loop_that_is_gone_takes_its_connections_along() -> None:
    connections = Connections(4)

    async def use() -> None:
        connections.questions()

    for _ in range(3):
        asyncio.run(use())
    gc.collect()
    assert len(connections._pairs) == 0


def test_a_cancelled_order_leaves_the_connections_usable() -> None:
    cancelled = threading.Event()

    async def work(made: Transport) -> None:
        task = asyncio.create_task(order(made))
        async with asyncio.timeout(60):
            while not server.seen:  # noqa: ASYNC110 - a thread writes it down
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled.set()
        await order(made)

    def slowly(connection: socket.socket) -> None:
        cancelled.wait(60)

    with RawServer(slowly, OK) as server:
        run(transport(server.url, width=1), work)
        assert len(server.seen) == 2


def test_an_outer_time_limit_stays_the_callers() -> None:
    """It is no time-out of the transport's, which would be another error."""

    async def work(made: Transport) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await order(made)

    with RawServer(lambda _: time.sleep(2)) as server:
        run(transport(server.url), work)
        assert len(server.seen) == 1


def test_many_orders_at_once_each_come_through() -> None:
    async def work(made: Transport) -> None:
        await asyncio.gather(*(order(made) for _ in range(100)))

    with RawServer(OK) as server:
        run(transport(server.url, width=16), work)
        assert len(server.seen) == 100


@pytest.mark.parametrize("answer", [says(407, b""), says(502, b"")])
def test_a_proxy_that_refuses_has_sent_nothing(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_waits(monkeypatch)
    with RawServer(answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(ProviderUnavailable) as caught:
            submit(transport("https://api.example"))
        assert caught.value.bought is False
        assert [each.head.split("\r\n")[0] for each in proxy.seen] == [
            "CONNECT api.example:443 HTTP/1.1"
        ] * 4
        assert all(each.header("authorization") == [] for each in proxy.seen)


def tunnel(port: int) -> Callable[[socket.socket], None]:
    """A proxy that leads to a port of the loopback."""

    def act(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as there:
            forth = threading.Thread(target=pump, args=(connection, there), daemon=True)
            forth.start()
            pump(there, connection)
            forth.join(5)

    return act


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        return
    finally:
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


@pytest.mark.parametrize("answer", [OK, closes])
def test_through_a_proxy_an_order_is_an_order(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("httpx.create_ssl_context", lambda: client_tls("api.example"))
    with (
        RawServer(answer, tls=server_tls("api.example")) as server,
        RawServer(tunnel(server.port)) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        made = transport("https://api.example")
        if answer is OK:
            assert submit(made).json() == {"id": 1}
        else:
            with pytest.raises(OutcomeUnknown):
                submit(made)
        assert len(proxy.seen) == 1
        assert len(server.seen) == 1
