"""Pixels in, pixels out: decode what strangers send, encode what we hand out, show it small.

Knows nothing of operations, providers, storage or money; everything works on bytes and on Pillow
pictures in RGB or RGBA, 8 bit, sRGB, upright.
"""

from __future__ import annotations

from studio.imaging.bare import bare
from studio.imaging.colour import flatten, without_metadata
from studio.imaging.credit import NOBODY, Credit, credit_of
from studio.imaging.decode import MAX_BYTES, MAX_PIXELS, Probe, open_picture, probe
from studio.imaging.encode import (
    LOWEST_QUALITY,
    MEDIA_TYPES,
    QUALITY,
    Fitted,
    Format,
    encode,
    encode_within,
    format_of,
)
from studio.imaging.kinds import sniff
from studio.imaging.profile import SRGB, profile_of
from studio.imaging.provenance import SourceType, marked, source_of
from studio.imaging.seen import Seen, distance, seen
from studio.imaging.shrink import shrink
from studio.imaging.thumbnail import MAX_ITEMS, checkerboard, contact_sheet, fitted, thumbnail

__all__ = [
    "LOWEST_QUALITY",
    "MAX_BYTES",
    "MAX_ITEMS",
    "MAX_PIXELS",
    "MEDIA_TYPES",
    "NOBODY",
    "QUALITY",
    "SRGB",
    "Credit",
    "Fitted",
    "Format",
    "Probe",
    "Seen",
    "SourceType",
    "bare",
    "checkerboard",
    "contact_sheet",
    "credit_of",
    "distance",
    "encode",
    "encode_within",
    "fitted",
    "flatten",
    "format_of",
    "marked",
    "open_picture",
    "probe",
    "profile_of",
    "seen",
    "shrink",
    "sniff",
    "source_of",
    "thumbnail",
    "without_metadata",
]
