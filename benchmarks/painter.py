"""A provider over HTTP that paints after a fixed time: ``python -m benchmarks.painter SECONDS``.

It prints its port, answers every POST with a small picture of its own, and ends with its input.
Connections stay open, as those of real providers do; how much goes on at once is up to the caller.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.paid_server import tiny_png

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
_LONGEST_BODY = 100_000


@contextmanager
def running_painter(seconds: float) -> Iterator[str]:
    """Run it in a process of its own, and give its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.painter", str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - they are pipes
        assert process.stdin is not None  # noqa: S101 - they are pipes
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


async def _serve(seconds: float) -> None:
    painted = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal painted
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
                if length > _LONGEST_BODY:
                    return
                await reader.readexactly(length)
                if seconds:
                    await asyncio.sleep(seconds)
                painted += 1
                picture = tiny_png(str(painted))
                writer.write(_HEAD % len(picture) + picture)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
