"""What goes over the pipes between a process that wants pixels and the child that makes them.

Numbers of fixed width, then bytes whose count is known before they are read. Whoever reads trusts
nothing: a picture's size is the one that was ordered, and words are cut and cleaned.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from studio.imaging.kinds import FORMATS
from studio.imaging.pixels import Order

READY = b"SAFE"
"""What a helper says when it can take pictures."""

DECODED, REFUSED, NO_MEMORY = range(3)
"""Outcomes."""

MODES = {3: "RGB", 4: "RGBA"}
"""By number of channels."""

LONGEST_WORDS = 400
"""Bytes of a reason."""

_KINDS = tuple(FORMATS)
_REQUEST = struct.Struct("<4sBBIIQQI")
_ANSWER = struct.Struct("<4sBBH")
_MAGIC = b"PIX1"
REQUEST_SIZE, ANSWER_SIZE = _REQUEST.size, _ANSWER.size


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a child.

    Attributes:
        length: bytes of the file, which follow.
        memory: bytes of address space that it may take more than it has.
        cpu: seconds of CPU time that it may take.
    """

    order: Order
    length: int
    memory: int
    cpu: int

    def packed(self) -> bytes:
        """Return the head of the request."""
        order = self.order
        return _REQUEST.pack(
            _MAGIC,
            _KINDS.index(order.media_type),
            order.orientation,
            order.width,
            order.height,
            self.length,
            self.memory,
            self.cpu,
        )


def unpacked_request(head: bytes) -> Request:
    """Return the request that begins with ``head``.

    Raises:
        ValueError: it is none.
    """
    magic, kind, orientation, width, height, length, memory, cpu = _REQUEST.unpack(head)
    if magic != _MAGIC:
        raise ValueError("this is no request")
    return Request(Order(_KINDS[kind], width, height, orientation), length, memory, cpu)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child says.

    Attributes:
        outcome: ``DECODED``, ``REFUSED`` or ``NO_MEMORY``.
        channels: of the pixels that follow.
        words: bytes of a reason that follow.
    """

    outcome: int
    channels: int = 0
    words: int = 0

    def packed(self) -> bytes:
        """Return the head of the answer."""
        return _ANSWER.pack(_MAGIC, self.outcome, self.channels, self.words)


def unpacked_answer(head: bytes) -> Answer:
    """Return the answer that begins with ``head``.

    Raises:
        ValueError: it is none that this module writes.
    """
    magic, outcome, channels, words = _ANSWER.unpack(head)
    decoded = outcome == DECODED and channels in MODES and words == 0
    refused = outcome in {REFUSED, NO_MEMORY} and channels == 0 and words <= LONGEST_WORDS
    if magic != _MAGIC or not (decoded or refused):
        raise ValueError("this is no answer")
    return Answer(outcome, channels, words)
