"""Stability AI's end points: which field of an operation goes there under which name.

Facts are of its REST v2beta specification, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from providers.contract import Request
from providers.offers import Offer, first_size
from providers.pictures import mask_for
from providers.stability.forms import NAME, Form
from providers.words import styled
from studio.catalog import known_style
from studio.errors import ProviderRejected

REFERENCE_STRENGTH = 0.5
"""How far ``ultra`` goes away from a reference (0 keeps it, 1 forgets it). It must be told, and the
studio's operation has no field for it."""

Step = Callable[[Form, Offer, Request], None]
"""Adds to a form what is not just a field under another name."""


@dataclass(frozen=True, slots=True)
class EndPoint:
    """How a form for an end point is filled in.

    Attributes:
        texts: fields of the operation by their name there.
        pictures: input fields of the operation by their name there; empty ones are left out.
        steps: what else is added, in this order.
        seeded: whether it takes a seed.
        answer: a picture, a 3D model, or an id to come back with.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    seeded: bool = True
    answer: Literal["picture", "model", "id"] = "picture"

    def fill_in(self, offer: Offer, request: Request) -> Form:
        """Return the form for a request.

        Raises:
            ProviderRejected: something is missing that is needed there; nothing was sent.
            PictureRefused: an input picture cannot be read.
        """
        form = Form()
        for theirs, ours in self.texts.items():
            form.say(theirs, ours, _value(request, ours))
        for theirs, ours in self.pictures.items():
            if ours in request.files:
                form.enclose(theirs, ours, request.files[ours])
        if self.seeded:
            form.sow(_value(request, "seed"))
        for step in self.steps:
            step(form, offer, request)
        return form


def _value(request: Request, name: str) -> Any:
    return getattr(request.operation, name)


def _same(*names: str, **renamed: str) -> dict[str, str]:
    """Return fields by their name there: the same one, or another."""
    return {name: name for name in names} | renamed


def _style(form: Form, _: Offer, request: Request) -> None:
    """Add the style: as a preset where it is one, else in words."""
    style: str = _value(request, "style")
    found = known_style(style)
    if found is not None and found.stability:
        form.say("style_preset", "style", found.stability)
    elif style:
        prompt = form.texts.get("prompt", "")
        form.say("prompt", "prompt", styled(prompt, style))


def _ratio(form: Form, offer: Offer, request: Request) -> None:
    """Add the ratio that is nearest to the size asked for."""
    target = request.operation.target(*first_size(request.inputs))
    if target is not None and offer.sizes is not None:
        form.say("aspect_ratio", "width", offer.sizes.nearest(*target)[0])


def _mask(form: Form, _: Offer, request: Request) -> None:
    """Add a mask in any case: which transparency would count else is then no question."""
    mask = mask_for(request.files["image"], request.files.get("mask"))
    if mask is None:
        raise ProviderRejected(
            "There is neither a mask nor transparency that says where to change the picture.",
            provider=NAME,
            field="mask",
            given="no mask, and a picture without transparency",
            allowed="a mask (white where to change), or a picture with transparent parts",
        )
    form.enclose("mask", "mask", mask)


def _reference(form: Form, _: Offer, request: Request) -> None:
    """Add what ``ultra`` demands with a picture, and refuses without."""
    if "reference" in request.files:
        form.say("strength", "reference", REFERENCE_STRENGTH)


def _sd3(form: Form, offer: Offer, _: Request) -> None:
    """Add the model of the family, and from what it starts."""
    form.say("model", "model", offer.model)
    form.say("mode", "operation", "image-to-image" if form.files else "text-to-image")


def _guidance(form: Form, _: Offer, request: Request) -> None:
    """Add the guidance, unless it is left to the model (0)."""
    guidance = _value(request, "guidance")
    if guidance:
        form.say("cfg_scale", "guidance", guidance)


def _light(form: Form, _: Offer, request: Request) -> None:
    """Add where light comes from; its strength is allowed only with a direction or a picture."""
    direction = _value(request, "light_direction")
    if direction != "none":
        form.say("light_source_direction", "light_direction", direction)
    if direction != "none" or "light" in request.files:
        form.say("light_source_strength", "light_strength", _value(request, "light_strength"))


def _foreground(form: Form, _: Offer, request: Request) -> None:
    """Add how much of the frame the thing fills, unless it is left to the model (0)."""
    ratio = _value(request, "foreground_ratio")
    if ratio:
        form.say("foreground_ratio", "foreground_ratio", ratio)


def _vertices(form: Form, _: Offer, request: Request) -> None:
    """Add the number of vertices; Stable Fast 3D counts nothing else."""
    if _value(request, "count_of") == "vertex":
        form.say("vertex_count", "count", _value(request, "count"))


def _target(form: Form, _: Offer, request: Request) -> None:
    """Add what is counted and up to how many."""
    counted = _value(request, "count_of")
    form.say("target_type", "count_of", counted)
    if counted != "none":
        form.say("target_count", "count", _value(request, "count"))


_WORDS = _same("prompt", "negative_prompt", "output_format")
_FOLLOW = EndPoint(_WORDS | _same(control_strength="strength"), _same("image"), (_style,))
_MESH = _same("remesh", texture_resolution="texture")

_SD3 = EndPoint(_WORDS, steps=(_sd3, _ratio, _guidance, _style))
# Here a ratio is forbidden: the picture has one.
_SD3_FROM_PICTURE = EndPoint(_WORDS | _same("strength"), _same("image"), (_sd3,))

_END_POINTS: Mapping[str, EndPoint] = {
    "stable-image/generate/core": EndPoint(_WORDS, steps=(_ratio, _style)),
    "stable-image/generate/ultra": EndPoint(
        _WORDS, _same(image="reference"), (_ratio, _reference, _style)
    ),
    "stable-image/edit/erase": EndPoint(
        _same("grow_mask", "output_format"), _same("image"), (_mask,)
    ),
    "stable-image/edit/inpaint": EndPoint(
        _WORDS | _same("grow_mask"), _same("image"), (_mask, _style)
    ),
    "stable-image/edit/outpaint": EndPoint(
        _same("left", "right", "up", "down", "creativity", "prompt", "output_format"),
        _same("image"),
        (_style,),
    ),
    "stable-image/edit/search-and-replace": EndPoint(
        _WORDS | _same("grow_mask", search_prompt="search"), _same("image"), (_style,)
    ),
    "stable-image/edit/search-and-recolor": EndPoint(
        _WORDS | _same("grow_mask", select_prompt="search"), _same("image"), (_style,)
    ),
    # A PNG with transparency is its default, and what the studio promises.
    "stable-image/edit/remove-background": EndPoint(pictures=_same("image"), seeded=False),
    "stable-image/edit/replace-background-and-relight": EndPoint(
        _same(
            "background_prompt",
            "foreground_prompt",
            "negative_prompt",
            "output_format",
            preserve_original_subject="preserve_subject",
            original_background_depth="background_depth",
            keep_original_background="keep_background",
        ),
        _same(subject_image="image", background_reference="background", light_reference="light"),
        (_light,),
        answer="id",
    ),
    # Four times is all that it does: the studio makes two times from it.
    "stable-image/upscale/fast": EndPoint(_same("output_format"), _same("image"), seeded=False),
    "stable-image/upscale/conservative": EndPoint(_WORDS | _same("creativity"), _same("image")),
    "stable-image/upscale/creative": EndPoint(
        _WORDS | _same("creativity"), _same("image"), (_style,), answer="id"
    ),
    "stable-image/control/sketch": _FOLLOW,
    "stable-image/control/structure": _FOLLOW,
    "stable-image/control/style": EndPoint(_WORDS | _same("fidelity"), _same("image"), (_ratio,)),
    "stable-image/control/style-transfer": EndPoint(
        _WORDS | _same("style_strength", "composition_fidelity", "change_strength"),
        _same("style_image", init_image="image"),
    ),
    "3d/stable-fast-3d": EndPoint(
        _MESH, _same("image"), (_foreground, _vertices), seeded=False, answer="model"
    ),
    "3d/stable-point-aware-3d": EndPoint(
        _MESH, _same("image"), (_foreground, _target), answer="model"
    ),
}


def end_point(offer: Offer) -> EndPoint:
    """Return the end point of an offer."""
    tail = offer.route.removeprefix("/v2beta/")
    if tail == "stable-image/generate/sd3":
        return _SD3_FROM_PICTURE if offer.operation == "edit" else _SD3
    return _END_POINTS[tail]
