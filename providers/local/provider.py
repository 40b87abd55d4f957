"""The provider called ``local``: this machine, without a key and without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from providers.contract import Delivery, Provider, Request
from providers.local import edit, export, files, finest, motion, prompts, style, tags, weights, work
from providers.local.extras import lacking
from providers.offers import Offer, read_offers

_Work = Callable[[Offer, Request, Path], Delivery]

WORK: Mapping[str, _Work] = {
    "local/illustrator": work.illustrate_prompt,
    "local/u2netp": work.remove_background,
    "local/span-x4": work.upscale_span,
    "local/lanczos": work.upscale_lanczos,
    "local/real-esrgan-x4plus": finest.upscale_conservative,
    "local/focal-crop": export.export_social,
    "local/compress": files.compress,
    "local/convert": files.convert,
    "local/prompt-rules": prompts.enhance,
    **edit.WORK,
    **style.WORK,
    **motion.WORK,
    **tags.WORK,
}
"""What is done for each offer, by its id."""

_ROOMS = (
    "providers.local",
    *(f"providers.local.{name}" for name in ("edit", "style", "motion", "tags")),
)


def local_offers() -> tuple[Offer, ...]:
    """Return everything that this machine does: each kind of work has its offers beside it."""
    return tuple(offer for room in _ROOMS for offer in read_offers(room))


class LocalProvider(Provider):
    """Does the work on this machine, a few pictures at a time.

    Args:
        weights_folder: where ``studio setup`` put the weights.
        width: pictures worked on at once; each may need up to 2 GB of memory.
    """

    name = "local"

    def __init__(self, weights_folder: Path, *, width: int) -> None:
        self._weights = weights_folder
        self._offers = local_offers()
        self._threads = ThreadPoolExecutor(width, thread_name_prefix="studio-local")

    def offers(self) -> Sequence[Offer]:
        """Return everything that this machine does."""
        return self._offers

    def not_ready(self, offer: Offer) -> str:
        """Say which extra or weights are missing; empty when there are none to miss."""
        missing_extra = lacking(offer.needs_extra) if offer.needs_extra else ""
        if missing_extra:
            return missing_extra
        missing = [name for name in offer.needs if not weights.has(name, self._weights)]
        if missing:
            return f"lacks the weights {', '.join(missing)}: run `studio setup`"
        return ""

    async def _submit(self, offer: Offer, request: Request) -> Delivery:
        do = partial(WORK[offer.id], offer, request, self._weights)
        return await asyncio.get_running_loop().run_in_executor(self._threads, do)

    async def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
