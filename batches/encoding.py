"""From bytes to text: what is sure is decoded, what could be one thing or another is asked back.

Whatever is valid UTF-8 is UTF-8, a byte order mark says UTF-16, and so do zeros in every other
byte of the beginning. All else is a page of 256 characters, and which one no file tells: Excel
writes the one of the country it is used in. Guessing would now and then put a wrong letter into a
picture, so the encoding must be named then.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

ENCODINGS = (
    "utf-8",
    "utf-16",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "iso-8859-1",
    "iso-8859-15",
    "mac-roman",
    "shift_jis",
    "gb18030",
    "big5",
    "euc-kr",
)
"""The encodings that may be named."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 200
"""Bytes of the beginning in which zeros are looked for."""

_SHOWN = 12
"""Characters around a byte that shows what an encoding would make of it."""


@dataclass(eq=False)
class Undecodable(Exception):
    """Bytes that are no text, or whose text is not sure.

    Attributes:
        line: where, from 1.
        found: what is there.
        rule: what to do.
    """

    line: int
    found: str
    rule: str


def decode(data: bytes, named: str = "") -> str:
    """Return the text in a file.

    Args:
        data: all of it.
        named: the encoding that its owner says it has, one of ``ENCODINGS``; empty to be told
            from the bytes.

    Raises:
        Undecodable: it is not text in that encoding, or the encoding must be named.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    encoding = marked or _wide(data) or named or "utf-8"
    if encoding == named != "utf-8" and _is_utf8(data):
        rule = f"the file is UTF-8 and would be misread as {named}; leave the encoding out"
        raise Undecodable(1, named, rule)
    try:
        text = data.decode(encoding)
    except UnicodeError as error:
        raise _refused(data, encoding, error, named) from None
    return text.removeprefix("\ufeff")


def _wide(data: bytes) -> str:
    """Return the UTF-16 that a file without a mark is in, by the zeros of its first letters."""
    sample = data[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half and odd > half // 2 and not even:
        return "utf-16-le"
    return "utf-16-be" if half and even > half // 2 and not odd else ""


def _is_utf8(data: bytes) -> bool:
    """Whether a file is UTF-8 with letters beyond ASCII; what is something else hardly ever is."""
    try:
        return not data.decode("utf-8").isascii()
    except UnicodeDecodeError:
        return False


def _refused(data: bytes, encoding: str, error: UnicodeError, named: str) -> Undecodable:
    start = error.start if isinstance(error, UnicodeDecodeError) else len(data)
    if encoding.startswith(("utf-16", "utf-32")):
        before = data[:start].decode(encoding, "ignore")
        return Undecodable(1 + before.count("\n"), encoding.upper(), "its text is cut or broken")
    line = 1 + data[:start].count(b"\n")
    found = f"byte {data[start]:02x}"
    if named and named != "utf-8":
        return Undecodable(line, found, f"is not {named}")
    around = data[max(0, start - _SHOWN) : start + _SHOWN]
    western = " ".join(around.decode("windows-1252", "replace").split())
    return Undecodable(
        line,
        f"not UTF-8: {found}",
        "the file must be saved as UTF-8 (in Excel: CSV UTF-8), or its encoding named, such as "
        f"windows-1252, in which this would read {western!r}",
    )
