"""Whatever mode and colour space a decoder delivers becomes 8-bit sRGB, with alpha if it matters.

The rest of the studio then knows two modes, RGB and RGBA, and one colour space.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N", "I")
"""Pillow's modes of 16-bit grey; plain "I" is what it made of such a PNG before version 11."""

_BASE_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Colour space signature of an ICC profile (ICC.1, table 19) and the Pillow mode it describes."""


def normalise(image: Image.Image) -> Image.Image:
    """Return a new picture in RGB, or RGBA if any pixel is not fully opaque.

    16-bit grey is scaled, an embedded ICC profile is applied, all metadata stay behind.
    """
    profile = image.info.get("icc_profile")
    base, alpha = _split(image)
    rgb = _to_srgb(base, profile) if profile else base.convert("RGB")
    if rgb is image:
        return without_metadata(rgb)
    rgb.info = {}  # it is a copy already, and a large one
    if alpha is not None and alpha.getextrema() != (255, 255):
        rgb.putalpha(alpha)
    return rgb


def without_metadata(image: Image.Image) -> Image.Image:
    """Return a copy that carries pixels only: no profile, comment, EXIF, resolution or text."""
    plain = image.copy()
    plain.info = {}
    return plain


def flatten(image: Image.Image, colour: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """Return RGB, transparent parts laid over ``colour``."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    flat = Image.new("RGB", image.size, colour)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours (8 bit: L, RGB or CMYK) and the alpha channel, if the picture has one."""
    if image.mode in _SIXTEEN_BITS:
        return _eight_bits(image), None
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        base = image.convert("L") if image.mode in ("LA", "L", "1") else rgba.convert("RGB")
        return base, rgba.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK"):
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return 16-bit grey as 8-bit grey; Pillow's own conversion would clip instead of scale."""
    values = np.clip(np.asarray(image).astype(np.int64), 0, 65_535)
    return Image.fromarray(((values * 255 + 32_767) // 65_535).astype(np.uint8))


def _to_srgb(base: Image.Image, profile: bytes) -> Image.Image:
    """Apply an embedded profile; one that is broken or does not fit the picture is ignored.

    That is what browsers do, and refusing a photograph for its profile would help nobody.
    """
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _BASE_MODES.get(source.profile.xcolor_space)
        if mode is None or (base.mode != mode and not (mode == "RGB" and base.mode == "L")):
            return base.convert("RGB")
        if base.mode == "RGB" and "sRGB" in (source.profile.profile_description or ""):
            return base
        converted = ImageCms.profileToProfile(base.convert(mode), source, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return base.convert("RGB")
    return base.convert("RGB") if converted is None else converted


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    """Return the one sRGB profile that everything is converted to."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
