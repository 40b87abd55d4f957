"""Of an animation one frame is used, and the quote says so."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.single import plan_one
from studio.operations import parse_operation
from tests.support.studios import OWNER, opened_studio


def moving(kind: str, frames: int) -> bytes:
    pictures = [Image.new("RGB", (64, 64), (80 * number, 9, 200)) for number in range(frames)]
    buffer = BytesIO()
    more: dict[str, Any] = {"save_all": True, "append_images": pictures[1:], "duration": 100}
    pictures[0].save(buffer, kind, **more)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "frames", "losses"),
    [
        ("GIF", 3, ["image: a.gif is an animation, and only the first of its 3 frames is used."]),
        ("WEBP", 2, ["image: a.webp is an animation, and only the first of its 2 frames is used."]),
        ("GIF", 1, []),
        ("PNG", 1, []),
    ],
)
def test_a_quote_says_that_only_one_frame_is_used(
    tmp_path: Path, kind: str, frames: int, losses: list[str]
) -> None:
    file = tmp_path / f"a.{kind.lower()}"
    file.write_bytes(moving(kind, frames))
    wanted = parse_operation({"operation": "upscale", "image": str(file), "factor": "2x"})
    with opened_studio(tmp_path / "home") as studio:
        planned = plan_one(studio, wanted, OWNER, "quote")
    assert list(planned.losses) == losses
