"""Decoding apart: whatever a decoder does, its picture is refused and the next one is decoded."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from studio.errors import PictureRefused, StudioUnavailable
from studio.imaging import open_picture, sandbox
from studio.imaging.helper import Helper
from studio.imaging.pixels import Order
from studio.imaging.sandbox import Limits, Sandbox
from tests.support.files import noise, written

WEBP = written(noise(), "WEBP", lossless=True)
ORDER = Order("image/webp", 64, 48)

WITH_HOOK = """
import ctypes, os, signal, socket, time
from studio.imaging import sandboxed, pixels
real = pixels.decode
def refused(why):
    return pixels.broken_picture("image/webp", why)
def hook(data, order):
    if order.orientation == 1:
        return real(data, order)
    {act}
def start():
    pixels.decode = hook
    sandboxed.main()
start()
"""
"""A helper whose decoder misbehaves for pictures that are to be turned, and for no others."""


def misbehaving(act: str, **limits: float) -> Sandbox:
    chosen = Limits(**{"cpu": 1, "wall": 5.0, **limits})  # type: ignore[arg-type]
    return Sandbox(most=1, wait=5, limits=chosen, program=WITH_HOOK.format(act=act))


def refusal_of(sandbox: Sandbox, orientation: int = 3) -> PictureRefused:
    """Let the decoder misbehave; afterwards another picture must be decoded."""
    with pytest.raises(PictureRefused) as refusal:
        sandbox.decode(WEBP, Order("image/webp", 64, 48, orientation))
    assert refusal.value.field == "picture"
    assert "image/webp" in str(refusal.value.given)
    assert refusal.value.allowed
    assert sandbox.decode(WEBP, ORDER).tobytes() == noise().tobytes()
    sandbox.close()
    return refusal.value


def test_pixels_come_out_as_in_this_process() -> None:
    assert open_picture(WEBP).tobytes() == noise().tobytes()


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL"])
def test_a_decoder_that_crashes_is_a_refusal(name: str) -> None:
    act = "ctypes.string_at(0)" if name == "SIGSEGV" else "raise SystemExit"
    if name != "SIGSEGV":  # a process that is closed off can send no signals, so it is not yet
        act = f"os.kill(os.getpid(), signal.{name})"
        box = Sandbox(most=1, program="import studio.imaging.sandboxed as s\n"
                      "s.confine = lambda *a: None\n" + WITH_HOOK.format(act=act))  # fmt: skip
    else:
        box = misbehaving(act)
    refused = refusal_of(box)
    assert refused.message == "The file makes its decoder break down."
    assert name in str(refused.given)


def test_a_decoder_that_loops_is_ended_by_its_cpu_time() -> None:
    refused = refusal_of(misbehaving("while True: pass", cpu=0, wall=60))
    assert refused.message == "The file takes too long to decode."
    assert "SIGXCPU" in str(refused.given)


def test_a_decoder_that_waits_for_ever_is_ended_by_the_clock() -> None:
    limits = Limits(cpu=0, wall=0.5)
    box = Sandbox(most=1, limits=limits, program=WITH_HOOK.format(act="os.read(0, 1)"))
    helper = box._helper()
    box._idle.append(helper)
    with pytest.raises(PictureRefused, match="too long"):
        box.decode(WEBP, Order("image/webp", 64, 48, 3))
    assert not helper.lives()
    box.close()


def test_a_decoder_that_takes_memory_is_refused_it() -> None:
    refused = refusal_of(misbehaving("x = bytearray(600 << 20); return real(data, order)"))
    assert refused.message == "The picture takes too much memory to decode."


def test_a_decoder_that_answers_nonsense_is_a_refusal() -> None:
    refused = refusal_of(misbehaving("os.write(1, b'x' * 100); os._exit(0)"))
    assert refused.message == "The file makes its decoder break down."


def test_a_decoder_cannot_answer_with_more_or_fewer_pixels_than_were_ordered() -> None:
    act = "i = real(data, pixels.Order('image/webp', 64, 48)); return i.crop((0, 0, 64, 47))"
    box = misbehaving(act, wall=1.0, cpu=0)
    with pytest.raises(PictureRefused):
        box.decode(WEBP, Order("image/webp", 64, 48, 3))
    box.close()


REACHING = {
    "open('/etc/hostname')": "EPERM",
    "open('/tmp/written', 'w')": "EPERM",
    "socket.socket()": "EPERM",
    "os.fork()": "EPERM",
    "os.execv('/bin/true', ['true'])": "EPERM",
    "os.kill(os.getppid(), signal.SIGTERM)": "EPERM",
    "os.unlink('/tmp/nothing-there')": "EPERM",
    "os.dup(1)": "EPERM",
    "time.sleep(60)": "EPERM",
    "import this": "ModuleNotFoundError",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the list of system calls is Linux's")
def test_a_decoder_can_reach_nothing() -> None:
    """What it tries fails for want of a right, and not of the thing."""
    lines = ["import errno", "told = []"]
    for act in REACHING:
        lines += [
            "try:",
            f"    {act}; told.append('done')",
            "except OSError as error: told.append(errno.errorcode[error.errno])",
            "except ImportError as error: told.append(type(error).__name__)",
        ]
    program = f"exec({chr(10).join(lines)!r}, globals()); raise refused(' '.join(told))"
    box = misbehaving(program)
    with pytest.raises(PictureRefused) as refusal:
        box.decode(WEBP, Order("image/webp", 64, 48, 3))
    box.close()
    told = str(refusal.value.given).removeprefix("image/webp: ").split()
    assert dict(zip(REACHING, told, strict=True)) == REACHING


def test_a_decoder_has_two_pipes_and_no_variables_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_STABILITY_KEY", "sk-secret")
    with open(os.devnull) as kept:  # noqa: PTH123 - a descriptor that must not be inherited
        os.set_inheritable(kept.fileno(), True)
        program = (
            "import os, time\n"
            "seen = [n for n in range(64) if os.path.exists(f'/dev/fd/{n}')]\n"
            "names = [n for n in os.environ if n not in "
            "('LC_CTYPE', 'OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', '__CF_USER_TEXT_ENCODING',"
            " 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH')]\n"
            "os.write(1, b'SAFE' if seen in ([0, 1, 2], [0, 1, 2, 3]) and not names else b'FAIL')\n"
            "time.sleep(60)"
        )
        Helper(program).end()


def test_each_picture_has_a_process_of_its_own() -> None:
    """What one picture did to its process, the next one does not see."""
    act = "pixels.seen = getattr(pixels, 'seen', 0) + 1; raise refused(f'seen {pixels.seen}')"
    box = misbehaving(act)
    for _ in range(2):
        with pytest.raises(PictureRefused) as refusal:
            box.decode(WEBP, Order("image/webp", 64, 48, 3))
        assert "seen 1" in str(refusal.value.given)
    box.close()


def test_words_of_a_decoder_are_cut_and_cleaned() -> None:
    box = misbehaving(r"raise refused('\\x1b[31m' + 'x' * 5000)")
    with pytest.raises(PictureRefused) as refusal:
        box.decode(WEBP, Order("image/webp", 64, 48, 3))
    assert str(refusal.value.given).isprintable()
    assert len(str(refusal.value.given)) <= 120
    box.close()


def test_a_helper_that_somebody_ends_is_replaced() -> None:
    box = Sandbox(most=1)
    box.decode(WEBP, ORDER)
    os.kill(box._idle[0]._process.pid, signal.SIGKILL)
    assert box.decode(WEBP, ORDER).size == (64, 48)
    box.close()


def test_a_helper_that_is_ended_again_and_again_is_our_fault_not_the_pictures() -> None:
    program = WITH_HOOK.format(act="os.kill(os.getppid(), signal.SIGKILL); os._exit(0)")
    box = Sandbox(most=1, program="import studio.imaging.sandboxed as s\n"
                  "s.confine = lambda *a: None\n" + program)  # fmt: skip
    with pytest.raises(StudioUnavailable, match="from outside"):
        box.decode(WEBP, Order("image/webp", 64, 48, 3))
    box.close()


@pytest.mark.parametrize("program", ["raise SystemExit(7)", "print('hello')", "import nowhere"])
def test_a_helper_that_does_not_start_is_our_fault(program: str) -> None:
    box = Sandbox(program=program)
    with pytest.raises(StudioUnavailable, match="does not start"):
        box.decode(WEBP, ORDER)


def test_no_more_helpers_than_allowed_and_no_endless_wait() -> None:
    box = Sandbox(most=2, wait=60)
    most = 0

    def work(_: int) -> bytes:
        nonlocal most
        image = box.decode(WEBP, ORDER)
        most = max(most, len(box._idle))
        return image.tobytes()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(work, range(24))) == {noise().tobytes()}
    assert 1 <= most <= 2
    box.close()
    full = Sandbox(most=1, wait=0.05)
    full._room.acquire()
    with pytest.raises(StudioUnavailable, match="wait to be decoded"):
        full.decode(WEBP, ORDER)


def test_it_works_from_asyncio() -> None:
    async def some() -> list[bytes]:
        images = await asyncio.gather(*(asyncio.to_thread(open_picture, WEBP) for _ in range(6)))
        return [image.tobytes() for image in images]

    assert set(asyncio.run(some())) == {noise().tobytes()}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_it_works_after_a_fork() -> None:
    """A forked process starts helpers of its own; those of its parent go on."""
    open_picture(WEBP)
    room = sandbox._default._room
    for _ in range(sandbox.MOST_HELPERS):
        room.acquire()  # as if other threads were decoding
    child = os.fork()
    if child == 0:
        try:
            own = not sandbox._default._idle
            os._exit(0 if own and open_picture(WEBP).tobytes() == noise().tobytes() else 1)
        finally:
            os._exit(2)
    room.release(sandbox.MOST_HELPERS)
    assert os.waitpid(child, 0)[1] == 0
    assert open_picture(WEBP).tobytes() == noise().tobytes()


def test_nothing_is_left_when_the_process_is_killed() -> None:
    """Its pipe closed, the helper ends by itself."""
    program = (
        "import sys, time\n"
        "from studio.imaging.sandbox import Sandbox\n"
        "box = Sandbox(); helper = box._helper(); print(helper._process.pid, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        helper = int(process.stdout.readline())
        process.kill()
    until = time.monotonic() + 20
    while time.monotonic() < until and _lives(helper):
        time.sleep(0.02)
    assert not _lives(helper)


def _lives(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_where_there_is_no_fork_pictures_are_decoded_here_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sandbox, "available", lambda: False)
    monkeypatch.setattr(sandbox, "_told", threading.Event())
    for _ in range(2):
        assert sandbox.decode(WEBP, ORDER).tobytes() == noise().tobytes()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.fixture(autouse=True, scope="module")
def _close() -> Iterator[None]:
    yield
    sandbox._default.close()
