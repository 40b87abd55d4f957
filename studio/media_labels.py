"""How a video or a 3D model came to be, said in its own file: IPTC's digital source type, as XMP.

What ``studio.imaging.provenance`` does for pictures. In MP4 the packet is a box of its own at the
end of the file, where nothing has to be moved for it (XMP specification, part 3, 2.1.2: ISO base
media). In GLB it is JSON-LD in the extension ``KHR_xmp_json_ld`` of glTF 2.0, on the whole asset.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from studio.imaging import SourceType, sniff
from studio.imaging.provenance import PREFIX, packet, term_in

_XMP_BOX: Final = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
_CREDENTIALS_BOX: Final = UUID("d8fec3d6-1b0e-483c-9297-5828877ec481").bytes
"""Of Content Credentials, whose signature holds for every other byte (C2PA 2.1, A.5)."""
_HEADER, _LARGE, _IDENTITY = 8, 16, 16
_MOST_BOXES = 10_000

_GLB_HEADER = struct.Struct("<4sII")
_GLB_CHUNK = struct.Struct("<I4s")
_XMP: Final = "KHR_xmp_json_ld"
_IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def marked(data: bytes, source: SourceType) -> bytes:
    """Return the same video or model, which says ``source`` as well.

    Files of other kinds are returned as they are, as is one that has XMP already or Content
    Credentials, and one that is not built as it should be.

    Args:
        data: the whole file.
        source: what to say; empty says nothing.
    """
    if not source:
        return data
    media_type = sniff(data)
    if media_type == "video/mp4":
        return _mp4(data, packet(source))
    if media_type == "model/gltf-binary":
        return _glb(data, source)
    return data


def source_of(data: bytes) -> SourceType:
    """Return what a video or model says of its source, by IPTC's term; empty for nothing."""
    media_type, said = sniff(data), b""
    if media_type == "video/mp4":
        boxes = _boxes(data) or ()
        said = b"".join(data[box.body : box.end] for box in boxes if box.identity == _XMP_BOX)
    elif media_type == "model/gltf-binary" and (model := _model(data)) is not None:
        extensions: dict[str, Any] = model.get("extensions", {})
        said = json.dumps(extensions.get(_XMP)).encode()
    return term_in(said)


@dataclass(frozen=True, slots=True)
class _Box:
    """A box at the top of a file; ``identity`` is empty but for boxes named by a UUID."""

    identity: bytes
    body: int
    end: int
    open_ended: bool


def _boxes(data: bytes) -> list[_Box] | None:
    """Return the boxes at the top of a file; ``None`` where they do not fill it."""
    found: list[_Box] = []
    place = 0
    while place < len(data):
        if len(found) == _MOST_BOXES or place + _HEADER > len(data):
            return None
        size, name = struct.unpack_from(">I4s", data, place)
        body = place + _HEADER
        if size == 1 and place + _LARGE <= len(data):
            (size,) = struct.unpack_from(">Q", data, body)
            body = place + _LARGE
        end = place + size if size else len(data)
        if not body <= end <= len(data):
            return None
        identity = data[body : body + _IDENTITY] if name == b"uuid" else b""
        found.append(_Box(identity, body + len(identity), end, open_ended=not size))
        place = end
    return found


def _mp4(data: bytes, xmp: bytes) -> bytes:
    boxes = _boxes(data)
    if not boxes or boxes[-1].open_ended:  # what is appended would become part of the last box
        return data
    if any(box.identity in {_XMP_BOX, _CREDENTIALS_BOX} for box in boxes):
        return data
    size = _HEADER + _IDENTITY + len(xmp)
    return data + struct.pack(">I4s", size, b"uuid") + _XMP_BOX + xmp


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = _GLB_HEADER.size
    while place + _GLB_CHUNK.size <= len(data):
        length, name = _GLB_CHUNK.unpack_from(data, place)
        place += _GLB_CHUNK.size
        yield name, data[place : place + length]
        place += length


def _model(data: bytes) -> dict[str, Any] | None:
    """Return what the first chunk of a GLB says; ``None`` where it is not as it should be."""
    name, text = next(_chunks(data), (b"", b""))
    if name != b"JSON":
        return None
    try:
        model = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(model, dict) or not isinstance(model.get("extensions", {}), dict):
        return None
    return model if isinstance(model.get("asset"), dict) else None


def _glb(data: bytes, source: SourceType) -> bytes:
    model = _model(data)
    if model is None or _XMP in model.get("extensions", {}):
        return data
    said = {
        "@context": {"Iptc4xmpExt": _IPTC},
        "@id": "",
        "Iptc4xmpExt:DigitalSourceType": f"{PREFIX}{source}",
    }
    model["extensionsUsed"] = [*model.get("extensionsUsed", []), _XMP]
    model["extensions"] = {**model.get("extensions", {}), _XMP: {"packets": [said]}}
    asset = model["asset"]
    asset["extensions"] = {**asset.get("extensions", {}), _XMP: {"packet": 0}}
    text = json.dumps(model, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)  # chunks end at four bytes (glTF 2.0, 4.4.3)
    chunks = [(b"JSON", text), *list(_chunks(data))[1:]]
    body = b"".join(_GLB_CHUNK.pack(len(each), name) + each for name, each in chunks)
    magic, version, _ = _GLB_HEADER.unpack_from(data)
    return _GLB_HEADER.pack(magic, version, _GLB_HEADER.size + len(body)) + body
