"""What a platform covers with its own signs: is anything that matters under them?

Words for the facts of an export, and a preview to look at; the export itself is never drawn on.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from providers.local.faces import Face
from providers.local.social import Rendered
from providers.local.windows import Box
from studio.imaging import flatten

_CLEAR = 0.9
"""Share of a face's box that must be clear; the box is wider than the face."""

_COVER = (210, 30, 50)
_COVERED = 0.42
"""How much of the colour lies over what may be covered."""
_LINE, _SHADE, _MARK = (255, 255, 255), (30, 30, 34), (255, 214, 10)


def warnings(
    rendered: Rendered,
    size: tuple[int, int],
    faces: Sequence[Face],
    middle: tuple[float, float],
) -> list[str]:
    """Say what that matters is outside the safe zone of a format; nothing if all is well.

    Args:
        rendered: the format.
        size: of the original, in pixels.
        faces: in the original.
        middle: of what matters in the original, as fractions.
    """
    clear = _clear(rendered)
    found = []
    out = sum(_share(_in_format(_box(face), rendered, size), clear) < _CLEAR for face in faces)
    if out:
        which = "the face is" if len(faces) == 1 else f"{out} of {len(faces)} faces are"
        found.append(f"{which} outside the safe zone, wholly or in part")
    x, y = _in_format(Box(*middle, *middle), rendered, size)[:2]
    if not (clear.left <= x <= clear.right and clear.top <= y <= clear.bottom):
        found.append("the subject's middle is outside the safe zone")
    return found


def preview(
    rendered: Rendered,
    size: tuple[int, int],
    faces: Sequence[Face],
    middle: tuple[float, float],
) -> Image.Image:
    """Return a copy of the format with its safe zone, the faces and the subject's middle drawn.

    Args:
        rendered: the format; it is not changed.
        size: of the original, in pixels.
        faces: in the original.
        middle: of what matters in the original, as fractions.
    """
    image = flatten(rendered.image).copy()
    width, height = image.size
    clear = _pixels(_clear(rendered), image.size)
    veil = Image.new("L", image.size, round(255 * _COVERED))
    veil.paste(0, clear)
    image.paste(_COVER, mask=veil)
    draw = ImageDraw.Draw(image)
    line = max(1, min(width, height) // 180)
    _frame(draw, clear, line, _LINE)
    for face in faces:
        _frame(draw, _pixels(_in_format(_box(face), rendered, size), image.size), line, _MARK)
    x, y = _in_format(Box(*middle, *middle), rendered, size)[:2]
    _cross(draw, x * width, y * height, line)
    return image


def _frame(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    line: int,
    colour: tuple[int, int, int],
) -> None:
    """Draw a frame that is seen on light and on dark."""
    left, top, right, bottom = box
    if right - left <= 2 * line or bottom - top <= 2 * line:
        return
    draw.rectangle(
        (left - line, top - line, right + line, bottom + line), outline=_SHADE, width=line
    )
    draw.rectangle(box, outline=colour, width=line)


def _cross(draw: ImageDraw.ImageDraw, x: float, y: float, line: int) -> None:
    arm = 8 * line
    for width, colour in ((3 * line, _SHADE), (line, _MARK)):
        draw.line((x - arm, y, x + arm, y), fill=colour, width=width)
        draw.line((x, y - arm, x, y + arm), fill=colour, width=width)


def _clear(rendered: Rendered) -> Box:
    """Return the safe zone, as fractions of the format."""
    safe = rendered.target.safe
    return Box(safe.left, safe.top, 1 - safe.right, 1 - safe.bottom)


def _box(face: Face) -> Box:
    return Box(face.left, face.top, face.right, face.bottom)


def _in_format(box: Box, rendered: Rendered, size: tuple[int, int]) -> Box:
    """Turn fractions of the original into fractions of the format; they may lie outside it."""
    shown, placed = rendered.shown, rendered.placed

    def across(x: float) -> float:
        inside = (x * size[0] - shown.left) / (shown.right - shown.left)
        return placed.left + inside * (placed.right - placed.left)

    def down(y: float) -> float:
        inside = (y * size[1] - shown.top) / (shown.bottom - shown.top)
        return placed.top + inside * (placed.bottom - placed.top)

    return Box(across(box.left), down(box.top), across(box.right), down(box.bottom))


def _share(box: Box, clear: Box) -> float:
    """Return which part of a box is in the clear."""
    width = min(box.right, clear.right) - max(box.left, clear.left)
    height = min(box.bottom, clear.bottom) - max(box.top, clear.top)
    area = max((box.right - box.left) * (box.bottom - box.top), 1e-9)
    return max(0.0, width) * max(0.0, height) / area


def _pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a box in pixels of the format; ``right`` and ``bottom`` are the last ones in it."""
    width, height = size
    return (
        round(box.left * width),
        round(box.top * height),
        round(box.right * width),
        round(box.bottom * height),
    )
