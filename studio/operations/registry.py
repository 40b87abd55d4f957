"""Operations by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from studio.errors import InvalidRequest
from studio.operations.base import Operation, describe_problems
from studio.operations.control import Sketch, Structure, StyleGuide, StyleTransfer
from studio.operations.create import EnhancePrompt, Generate
from studio.operations.edit import (
    EditImage,
    Erase,
    FaceSwap,
    Inpaint,
    Outpaint,
    RemoveBackground,
    ReplaceBackground,
    SearchRecolor,
    SearchReplace,
)
from studio.operations.files import Compress, Convert
from studio.operations.library import TagImage
from studio.operations.social import SocialExport
from studio.operations.transform import ImageTo3D, ImageToVideo, TalkingAvatar
from studio.operations.upscale import Upscale, UpscaleConservative, UpscaleCreative

_CLASSES: tuple[type[Operation], ...] = (
    Generate,
    EnhancePrompt,
    RemoveBackground,
    Erase,
    Inpaint,
    Outpaint,
    SearchReplace,
    SearchRecolor,
    ReplaceBackground,
    EditImage,
    FaceSwap,
    Upscale,
    UpscaleConservative,
    UpscaleCreative,
    Sketch,
    Structure,
    StyleGuide,
    StyleTransfer,
    ImageToVideo,
    TalkingAvatar,
    ImageTo3D,
    SocialExport,
    Compress,
    Convert,
    TagImage,
)

OPERATIONS: Mapping[str, type[Operation]] = MappingProxyType(
    {cls.model_fields["operation"].default: cls for cls in _CLASSES}
)
"""Every operation by the name that CSV files, forms and the command line use."""


def operation_class(name: object) -> type[Operation]:
    """Return the operation called ``name``.

    Raises:
        InvalidRequest: there is no such operation.
    """
    try:
        return OPERATIONS[str(name)]
    except KeyError:
        raise InvalidRequest(
            "There is no such operation.",
            field="operation",
            given=name,
            allowed=", ".join(OPERATIONS),
        ) from None


def parse_operation(values: Mapping[str, Any]) -> Operation:
    """Return the operation that ``values`` describe; ``values["operation"]`` names it.

    Raises:
        InvalidRequest: no such operation, or its fields are not right. All problems are in
            ``details['problems']``; the first one is in ``field``, ``given`` and ``allowed``.
    """
    cls = operation_class(values.get("operation", ""))
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        problems = describe_problems(error, cls)
        first = problems[0]
        # A rule about several fields names them itself.
        named = error.errors()[0]["loc"]
        words = f"{first['field']} {first['rule']}" if named else first["rule"]
        raise InvalidRequest(
            f"{cls.title}: {words}.",
            field=first["field"],
            given=first["given"],
            allowed=first["rule"],
            problems=problems,
        ) from None
