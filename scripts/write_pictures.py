"""Write the sheets of docs/pictures: what each operation makes on this machine of what it is given.

An operation is carried out by its offer, as the provider `local` does it; inputs are the four
photographs that `studio setup` fetches. Whoever writes a sheet looks at it before it is committed.

Usage: python -m scripts.write_pictures OPERATION... (or `all`) [--to FOLDER]
"""

from __future__ import annotations

import argparse
import io
import json
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from providers.contract import Output, Request
from providers.local.extras import lacking
from providers.local.provider import WORK, local_offers
from scripts import film
from studio import imaging, media
from studio.operations import OPERATIONS, parse_operation
from studio.settings import settings

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
CELL, COLUMNS, QUALITY, SEED = 300, 4, 80, 7
CAT, CUP, HER, ROCKET = "cat.png", "coffee.png", "astronaut.png", "rocket.jpg"
DRAWING = "a drawing"

Item = tuple[Image.Image, str]


@dataclass(frozen=True)
class Try:
    """One thing to do, and what is to be shown of it.

    Attributes:
        words: below the result.
        values: of the operation's fields.
        image: a photograph, if it takes one.
        mask: an ellipse in fractions of the photograph, if it takes one.
        files: more inputs by field: photographs.
        part: of the results that is shown, in fractions.
    """

    words: str
    values: Mapping[str, Any] = field(default_factory=dict)
    image: str = ""
    mask: tuple[float, float, float, float] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    part: tuple[float, float, float, float] = (0, 0, 1, 1)


def _said(prompt: str, image: str = "", **values: Any) -> Try:
    return Try(prompt, {"prompt": prompt, **values}, image)


EYE = (0.3, 0.25, 0.5, 0.5)
SHEETS: Mapping[str, tuple[Try, ...]] = {
    "generate": (
        _said("a lighthouse at sunset", seed=7),
        _said("a red fox in a snowy forest", seed=3),
        _said("a sailboat on the sea at night", seed=11),
        _said("a castle in the mountains in spring", seed=5, width=1344, height=768),
    ),
    "enhance_prompt": (_said("a lighthouse"), _said("a cup of coffee"), _said("a fox in the snow")),
    "remove_background": tuple(Try("cut out", {}, name) for name in (HER, CUP, CAT, ROCKET)),
    "erase": (
        Try("erased", {}, ROCKET, (0.45, 0.25, 0.56, 1.0)),
        Try("erased", {}, CUP, (0.53, 0.55, 0.7, 0.85)),
    ),
    "inpaint": (
        Try("a red balloon", {"prompt": "a red balloon"}, ROCKET, (0.4, 0.2, 0.6, 0.7)),
        Try("white", {"prompt": "white"}, CUP, (0.34, 0.22, 0.6, 0.5)),
    ),
    "outpaint": (
        Try("200 more on each side", {"left": 200, "right": 200}, CUP),
        Try("200 more below and right", {"down": 200, "right": 200}, ROCKET),
    ),
    "search_replace": (
        Try("the red cup: a balloon", {"search": "the red cup", "prompt": "a balloon"}, CUP),
        Try("the person: a robot", {"search": "the person", "prompt": "a robot"}, HER),
    ),
    "search_recolor": (
        Try("the suit: green", {"search": "the orange suit", "prompt": "green"}, HER),
        Try("the cup: blue", {"search": "the red cup", "prompt": "blue"}, CUP),
    ),
    "replace_background": (
        Try("a beach at dusk", {"background_prompt": "a beach at dusk"}, HER),
        Try("a forest in the morning", {"background_prompt": "a forest in the morning"}, CUP),
    ),
    "edit": (
        _said("make it warmer", CAT),
        _said("black and white", HER),
        _said("more contrast and sharper", ROCKET),
        _said("make the background white", CUP),
    ),
    "upscale": (
        Try("4x, SPAN", {"factor": "4x"}, CAT, part=EYE),
        Try("4x, SPAN", {"factor": "4x"}, HER, part=(0.3, 0.05, 0.6, 0.4)),
    ),
    "upscale_conservative": (Try("Real-ESRGAN", {"prompt": "a cat"}, CAT, part=EYE),),
    "sketch": tuple(
        _said(words, DRAWING)
        for words in (
            "a red house on green hills at sunset",
            "a house in the snow",
            "a house at night",
        )
    ),
    "structure": (
        _said("an underwater scene", HER),
        _said("a desert at golden hour", CAT),
        _said("a neon city at night", CUP),
    ),
    "style_guide": (_said("a fox in the forest", CUP), _said("a castle in the mountains", ROCKET)),
    "style_transfer": (
        Try("in the colours of coffee", {}, CAT, files={"style_image": CUP}),
        Try("in those of the launch", {}, HER, files={"style_image": ROCKET}),
    ),
    "image_to_video": (_said("slow zoom in", CUP), _said("pan to the right", ROCKET)),
    "talking_avatar": (Try("speaking", {}, HER),),
    "social_export": (
        Try(
            "",
            {
                "formats": [
                    "instagram_story",
                    "instagram_feed_post_portrait",
                    "twitter_post",
                    "twitter_header",
                    "facebook_cover_photo",
                ],
                "safe_zones": True,
            },
            HER,
        ),
        Try("mirrored", {"formats": ["twitter_post"], "fit": "pad", "padding": "mirrored"}, HER),
        Try("", {"formats": ["twitter_header", "instagram_story"]}, CUP),
    ),
    "compress": (
        Try("60 kB at most", {"max_kilobytes": 60, "output_format": "jpeg"}, HER),
        Try("20 kB at most", {"max_kilobytes": 20, "output_format": "webp"}, CAT),
    ),
    "convert": (
        Try("as WebP", {"output_format": "webp"}, HER),
        Try("as JPEG of quality 60", {"output_format": "jpeg", "quality": 60}, CAT),
    ),
    "tag": tuple(Try("", {}, name) for name in (HER, CAT, CUP, ROCKET)),
}
"""What is tried. Nothing here draws a 3D model, and what only cloud providers do is not tried."""


def sheet(operation: str) -> Image.Image | None:
    """Return an operation's sheet; ``None`` where this machine lacks an extra for it."""
    offer = next(each for each in local_offers() if each.operation == operation)
    if offer.needs_extra and lacking(offer.needs_extra):
        return None
    items = [item for each in SHEETS[operation] for item in _items(operation, offer.id, each)]
    return imaging.contact_sheet(items, COLUMNS, cell=CELL, title=operation)


def _items(operation: str, offer_id: str, wanted: Try) -> Iterator[Item]:
    weights = settings().weights_folder
    offer = next(each for each in local_offers() if each.id == offer_id)
    files = {name: (weights / photo).read_bytes() for name, photo in wanted.files.items()}
    if wanted.image:
        drawn = wanted.image == DRAWING
        files["image"] = drawing() if drawn else (weights / wanted.image).read_bytes()
    if wanted.mask:
        files["mask"] = _mask(files["image"], wanted.mask)
    if operation == "talking_avatar":
        files["audio"] = speech()
    named = dict.fromkeys(files, "example.png")
    request = parse_operation(
        {"operation": operation, **OPERATIONS[operation].example, **wanted.values, **named}
    )
    yield from _given(files, wanted)
    if getattr(request, "seed", 0) == -1:
        request = request.model_copy(update={"seed": SEED})
    delivery = WORK[offer_id](offer, Request(request, files), weights)
    for output in delivery.outputs:
        yield from _shown(output, wanted)


def _given(files: Mapping[str, bytes], wanted: Try) -> Iterator[Item]:
    """Show the photographs; what is masked is pink."""
    for name, data in files.items():
        if name in {"mask", "audio"}:
            continue
        image = imaging.open_picture(data).convert("RGB")
        if name == "image" and "mask" in files:
            mask = imaging.open_picture(files["mask"]).convert("L").point(lambda v: v * 0.6)
            image.paste((255, 40, 160), mask=mask)
        yield _part(image, wanted), f"{name.replace('_', ' ')}: {len(data) / 1_000:.1f} kB"


def _shown(output: Output, wanted: Try) -> Iterator[Item]:
    words = " ".join(filter(None, (output.name.replace("_", " "), wanted.words)))
    if output.media_type == "video/mp4":
        yield from ((frame, wanted.words) for frame in film.frames(output.data, 3))
    elif output.media_type == "application/json":
        yield _card(json.loads(output.data)), wanted.words
    else:
        image = media.face(output.data, media.look(output.data))
        size = f"{image.width} x {image.height}, {len(output.data) / 1_000:.1f} kB"
        if image.mode == "RGBA":
            ground = imaging.checkerboard(image.size)
            ground.paste(image, mask=image)
            image = ground
        yield _part(image, wanted), f"{words}\n{size}"


def _part(image: Image.Image, wanted: Try) -> Image.Image:
    left, top, right, bottom = wanted.part
    width, height = image.size
    part = (left * width, top * height, right * width, bottom * height)
    return image.crop(tuple(round(edge) for edge in part))  # type: ignore[arg-type]


def _card(told: Mapping[str, Any]) -> Image.Image:
    """Write a text's values on a card."""
    card = Image.new("RGB", (CELL, CELL * 3 // 4), "#f4f2ee")
    lines = [f"{name}: {_plain(value)}" for name, value in told.items() if value]
    rows = [row for line in lines for row in _folded(line, 52)]
    ImageDraw.Draw(card).multiline_text((12, 12), "\n".join(rows[:20]), fill="#35322c")
    return card


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    return str(value)


def _folded(line: str, width: int) -> list[str]:
    rows = [""]
    for word in line.split():
        if len(rows[-1]) + len(word) >= width:
            rows.append(" ")
        rows[-1] = f"{rows[-1]} {word}".strip() if rows[-1] else word
    return rows


def _mask(data: bytes, box: tuple[float, float, float, float]) -> bytes:
    image = imaging.open_picture(data)
    mask = Image.new("L", image.size)
    width, height = image.size
    ellipse = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    ImageDraw.Draw(mask).ellipse(ellipse, fill=255)
    return imaging.encode(mask.convert("RGB"), "png")


def drawing() -> bytes:
    """Return a line drawing of a house on hills (PNG)."""
    image = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(image)
    draw.line([(0, 300), (160, 170), (300, 290), (430, 150), (640, 310)], fill=0, width=5)
    draw.line([(0, 360), (220, 330), (440, 350), (640, 325)], fill=0, width=5)
    draw.rectangle((230, 300, 370, 420), outline=0, width=5)
    draw.polygon([(210, 300), (300, 220), (390, 300)], outline=0, width=5)
    draw.rectangle((285, 350, 320, 420), outline=0, width=5)
    draw.ellipse((520, 50, 590, 120), outline=0, width=5)
    return imaging.encode(image, "png")


def speech(seconds: float = 2.0, rate: int = 16_000) -> bytes:
    """Return sound that swells and fades four times a second, as syllables do (WAV, mono)."""
    time = np.arange(int(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 140 * number * time) / number for number in range(1, 8))
    loud = np.clip(np.sin(2 * np.pi * 2 * time), 0, 1) ** 2
    samples = (voice * loud / np.abs(voice).max() * 28_000).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def main() -> None:
    """Write the sheets that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operation", nargs="+", choices=[*SHEETS, "all"])
    parser.add_argument("--to", type=Path, default=FOLDER)
    told = parser.parse_args()
    for operation in SHEETS if "all" in told.operation else told.operation:
        made = sheet(operation)
        if made is None:
            print(f"{operation}: an extra is not installed")
            continue
        made.save(told.to / f"{operation}.jpg", quality=QUALITY, optimize=True)
        print(f"written: {operation}.jpg")


if __name__ == "__main__":
    main()
