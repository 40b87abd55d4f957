"""Small previews: one picture as a few kilobytes, many pictures as one contact sheet.

Transparent parts are shown over a quiet checkerboard, as every picture editor does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from studio.errors import InvalidRequest
from studio.imaging.colour import flatten
from studio.imaging.encode import Format, encode

MAX_ITEMS = 100
"""Most pictures on one contact sheet; more are unreadable, and memory grows with each."""

_THUMBNAIL_QUALITY = 72
_LIGHT, _DARK = (255, 255, 255), (232, 232, 235)
_PAPER, _INK, _QUIET, _RULE = (255, 255, 255), (38, 38, 42), (120, 120, 128), (226, 226, 230)

_CAPTION_LINES = 2
_TITLE_RATIO = 1.7
_LINE_RATIO = 1.32
_SUBSTITUTES = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{MIDDLE DOT}": "-",
        "\N{BULLET}": "-",
        "\N{EURO SIGN}": "EUR",
        "ß": "ss",
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
    }
)
"""For Pillow's own font, which holds ASCII only; other letters lose their accents."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def thumbnail(image: Image.Image, side: int = 256, format: Format = "webp") -> bytes:  # noqa: A002
    """Return a preview of a few kilobytes, at most ``side`` pixels wide and high.

    Small pictures are not enlarged. WebP by default; ask for ``"jpeg"`` where e-mail programs must
    show it.

    Raises:
        InvalidRequest: unknown format.
    """
    return encode(fitted(image, side, side), format, quality=_THUMBNAIL_QUALITY)


def fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return RGB made smaller to fit into the box, transparency shown over a checkerboard."""
    scale = min(1.0, width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Reducing by whole numbers first is several times faster and, with a gap of 3, not visible.
    small = image if scale >= 1 else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if small.mode != "RGBA":
        return flatten(small)
    board = checkerboard(small.size, max(4, min(size) // 16))
    board.paste(small, mask=small.getchannel("A"))
    return board


def checkerboard(size: tuple[int, int], square: int = 12) -> Image.Image:
    """Return an RGB board of light squares, ``square`` pixels each, of ``size`` (width, height)."""
    tile = Image.new("RGB", (2 * square, 2 * square), _LIGHT)
    tile.paste(_DARK, (0, 0, square, square))
    tile.paste(_DARK, (square, square, 2 * square, 2 * square))
    board = Image.new("RGB", size)
    for top in range(0, size[1], 2 * square):
        for left in range(0, size[0], 2 * square):
            board.paste(tile, (left, top))
    return board


@dataclass(frozen=True)
class _Layout:
    """Measures of a sheet in pixels, all derived from the width of a cell."""

    cell: int
    columns: int
    font: Font
    title_font: Font
    line: int
    gap: int
    margin: int

    @property
    def width(self) -> int:
        """Width of the whole sheet."""
        return 2 * self.margin + self.columns * self.cell + (self.columns - 1) * self.gap

    def left(self, column: int) -> int:
        """Where a column begins."""
        return self.margin + column * (self.cell + self.gap)


@dataclass(frozen=True)
class _Line:
    """A line of a caption; what its author put on a second line is printed more quietly."""

    text: str
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class _Cell:
    """One picture, small, with its caption broken into lines."""

    picture: Image.Image
    lines: list[_Line]


def contact_sheet(
    items: Sequence[tuple[Image.Image, str]],
    columns: int = 4,
    *,
    cell: int = 320,
    title: str = "",
    font: Path | None = None,
    max_items: int = MAX_ITEMS,
) -> Image.Image:
    """Return one RGB page with all pictures in rows, each over its caption.

    Args:
        items: pictures with captions; a caption takes at most two lines, then an ellipsis.
        columns: pictures side by side; fewer if there are fewer pictures.
        cell: width and greatest height of a picture, in pixels.
        title: printed above, if there is one.
        font: a TrueType or OpenType file. Without it Pillow's own font is used, which only knows
            ASCII: accents are dropped and other scripts become question marks.
        max_items: more than this are refused.

    Raises:
        InvalidRequest: no pictures, too many, or impossible measures.
    """
    _check(items, columns, cell, max_items)
    layout = _layout(min(columns, len(items)), cell, font)
    folded = (lambda text: text) if font else _ascii
    cells = [
        _Cell(fitted(image, cell, cell), _wrapped(folded(caption), layout))
        for image, caption in items
    ]
    rows = [cells[i : i + layout.columns] for i in range(0, len(cells), layout.columns)]
    head = round(layout.line * _TITLE_RATIO) + layout.gap if title else 0
    height = 2 * layout.margin + head + sum(_row_height(row, layout) for row in rows)
    sheet = Image.new("RGB", (layout.width, height + layout.gap * (len(rows) - 1)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    top = layout.margin
    if title:
        shown = _shortened(folded(title), layout.title_font, layout.width - 2 * layout.margin)
        draw.text((layout.margin, top), shown, fill=_INK, font=layout.title_font)
        top += head
    for row in rows:
        _draw_row(sheet, draw, row, top, layout)
        top += _row_height(row, layout) + layout.gap
    return sheet


def _check(
    items: Sequence[tuple[Image.Image, str]], columns: int, cell: int, max_items: int
) -> None:
    """Refuse what cannot be laid out."""
    if not 1 <= len(items) <= max_items:
        raise InvalidRequest(
            "A contact sheet needs pictures, but not too many.",
            field="items",
            given=len(items),
            allowed=f"1 to {max_items}",
        )
    for field, value, least, most in (("columns", columns, 1, 12), ("cell", cell, 64, 1024)):
        if not least <= value <= most:
            raise InvalidRequest(
                "The sheet cannot be laid out like that.",
                field=field,
                given=value,
                allowed=f"{least} to {most}",
            )


def _layout(columns: int, cell: int, font: Path | None) -> _Layout:
    """Derive all measures from the width of a cell."""
    size = max(11, cell // 20)
    return _Layout(
        cell=cell,
        columns=columns,
        font=_font(font, size),
        title_font=_font(font, round(size * _TITLE_RATIO)),
        line=round(size * _LINE_RATIO),
        gap=max(10, cell // 12),
        margin=max(14, cell // 8),
    )


def _font(file: Path | None, size: int) -> Font:
    """Load the font in this size, in pixels."""
    return ImageFont.load_default(size) if file is None else ImageFont.truetype(str(file), size)


def _row_height(row: list[_Cell], layout: _Layout) -> int:
    """A row is as high as its highest picture and longest caption."""
    lines = max(len(cell.lines) for cell in row)
    caption = layout.line // 2 + lines * layout.line if lines else 0
    return max(cell.picture.height for cell in row) + caption


def _draw_row(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, row: list[_Cell], top: int, layout: _Layout
) -> None:
    """Draw pictures on a common base line, hairline round each, captions below."""
    base = top + max(cell.picture.height for cell in row)
    for column, cell in enumerate(row):
        width, height = cell.picture.size
        left = layout.left(column) + (layout.cell - width) // 2
        sheet.paste(cell.picture, (left, base - height))
        draw.rectangle((left - 1, base - height - 1, left + width, base), outline=_RULE)
        for number, line in enumerate(cell.lines):
            indent = (layout.cell - draw.textlength(line.text, layout.font)) / 2
            y = base + layout.line // 2 + number * layout.line
            place = (layout.left(column) + indent, y)
            draw.text(place, line.text, fill=line.colour, font=layout.font)


def _wrapped(caption: str, layout: _Layout) -> list[_Line]:
    """Break a caption into at most two lines; line breaks in it are kept."""
    lines: list[_Line] = []
    for number, paragraph in enumerate(caption.splitlines()):
        colour = _INK if number == 0 else _QUIET
        current = ""
        for word in paragraph.split():
            longer = f"{current} {word}".strip()
            if current and layout.font.getlength(longer) > layout.cell:
                lines.append(_Line(current, colour))
                longer = word
            current = longer
        if current:
            lines.append(_Line(current, colour))
    kept, rest = lines[: _CAPTION_LINES - 1], lines[_CAPTION_LINES - 1 :]
    if rest:
        kept.append(_Line(" ".join(line.text for line in rest), rest[0].colour))
    return [_Line(_shortened(line.text, layout.font, layout.cell), line.colour) for line in kept]


def _shortened(text: str, font: Font, width: int) -> str:
    """Cut the text so that it fits into ``width`` pixels, three dots at the end."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text.rstrip()}..."


def _ascii(text: str) -> str:
    """Return the text in the characters that Pillow's own font holds."""
    plain = unicodedata.normalize("NFKD", text.translate(_SUBSTITUTES))
    kept = (character for character in plain if not unicodedata.combining(character))
    return "".join(c if c == "\n" or " " <= c <= "~" else "?" for c in kept)
