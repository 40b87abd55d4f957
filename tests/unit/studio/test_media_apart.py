"""Sounds and videos are looked at apart: whatever FFmpeg or a parser does, the file is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from studio import media, media_apart
from studio.errors import PictureRefused
from studio.imaging.sandbox import Sandbox
from tests.unit.studio.test_media import sound, video

WITH_HOOK = """
import ctypes, os, studio.media_apart as m
def hook(*anything, **more):
    {act}
m._sound = m._video = hook
m.main()
"""


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("ctypes.string_at(0)", "break down"),
        ("bytearray(1 << 40)", "cannot be read"),
        ("os.write(1, b'x' * 99); os._exit(0)", "break down"),
        ("return m.Facts(0, 0, float('inf'), 1.0)", "break down"),
        ("return m.Facts(9_000, 9_000, 1.0, 1.0, bytes(99))", "cannot be read"),
    ],
)
def test_a_parser_that_misbehaves_is_a_refusal(
    act: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Sandbox(most=1, program=WITH_HOOK.format(act=act))
    monkeypatch.setattr(media_apart, "_sandbox", box)
    data = video(tmp_path)
    with pytest.raises(PictureRefused, match=words):
        media.face(data, media.Media("video/mp4"))
    monkeypatch.undo()
    box.close()
    assert media.face(data, media.look(data)).size == (64, 48)


def test_neither_ffmpeg_nor_tinytag_runs_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = video(tmp_path)
    monkeypatch.setattr(media_apart, "_read", None)
    assert media.look(data).seconds == 2
    assert media.face(data, media.look(data)).size == (64, 48)
    assert media.look(sound(1)).seconds == 1


def test_a_recording_that_keeps_its_parser_busy_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that all look like the beginning of a frame: 20 s of tinytag for 60 MB."""
    program = "import studio.media_apart as m; m._SOUND_SECONDS = 0; m.main()"
    box = Sandbox(most=1, program=program)
    monkeypatch.setattr(media_apart, "_sandbox", box)
    began = time.process_time()
    with pytest.raises(PictureRefused, match="too long"):
        media.look(b"\xff\xfb\x90\x00" + b"\xff" * (media.MAX_AUDIO_BYTES - 4))
    assert time.process_time() - began < 1
    box.close()


def test_no_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Videos go through a pipe, not through a temporary file."""
    data = video(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    assert media.look(data).width == 64
    assert [path.name for path in tmp_path.iterdir()] == ["made.mp4"]


def test_without_fork_they_are_read_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_apart, "available", lambda: False)
    data = video(tmp_path)
    assert media.look(data) == media.Media("video/mp4", 64, 48, 2.0)
    assert media.face(data, media.look(data)).size == (64, 48)
    assert media.look(sound(1)).seconds == 1
