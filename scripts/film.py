"""Some frames of a video, for the sheets of docs/pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
from PIL import Image


def frames(data: bytes, count: int) -> list[Image.Image]:
    """Return so many frames of an MP4 file, evenly spread."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        Path(file.name).write_bytes(data)
        video = cv2.VideoCapture(file.name)
        try:
            total = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
            seen = [image for _ in range(total) if (image := video.read()[1]) is not None]
        finally:
            video.release()
    places = [round(place * (len(seen) - 1) / max(1, count - 1)) for place in range(count)]
    return [Image.fromarray(seen[place][:, :, ::-1]) for place in places]
