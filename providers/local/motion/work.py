"""What is done for each offer of this room: bytes in, bytes out, and an honest word of how."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image

from providers.contract import Delivery, Output, Request
from providers.local import matte
from providers.local.motion import facemesh, film, parallax, puppet, speech, voice
from providers.local.motion.camera import Camera, read_camera
from providers.local.motion.facemesh import Mesh
from providers.local.motion.glb import write_glb
from providers.local.motion.relief import solid
from providers.offers import Offer
from studio import imaging
from studio.errors import ProviderRejected
from studio.operations import ImageTo3D, ImageToVideo, Operation, TalkingAvatar

Wanted = TypeVar("Wanted", bound=Operation)

_VIDEO = "video/mp4"
_MODEL = "model/gltf-binary"

_TURNED = 40
"""Degrees (``Mesh.yaw``) beyond which half of the mouth cannot be seen well."""
_LEAST_FACE = 40
"""Pixels from brows to chin in the video below which no mouth can be drawn."""
_MOST_SPEAKERS = 3
_LONGEST_SPEECH = 60.0
"""Seconds; the offer says so, too, and what is longer never comes here."""
_MARKED = 0.25
"""Share of a face that must be white in the mask for its owner to speak."""

_CUT_SIDE = 2_048
"""Longest side, in pixels, at which things are cut out for a model."""
_LEAST_THING = 0.005
"""Share of the picture below which nothing was found in it."""
_ISLAND = 0.04
"""Pieces smaller than this share of the largest one are not part of the thing."""
_USUAL_RATIO = 1.0

_room = threading.BoundedSemaphore(2)
"""Two videos or models at a time: each needs up to half a gigabyte and both cores."""


def move_camera(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Let a camera move through the picture."""
    wanted = _expect(ImageToVideo, request.operation)
    camera = read_camera(wanted.prompt, max(0, wanted.seed))
    image = imaging.open_picture(request.files["image"])
    size = film.size_of(*image.size, wanted.resolution)
    sound = _soundtrack(request, wanted.duration)
    with _room:
        layers = parallax.take_apart(image, size, weights)
        frames = parallax.frames(layers, size, camera, wanted.duration * film.RATE)
        data = film.write(frames, size, sound)
    found = layers.subject is not None
    depth = "subject and clean background at depths of their own" if found else "one layer"
    return Delivery(
        outputs=(Output(data, _VIDEO, "", *size),),
        model=offer.model,
        method=f"camera move through the picture ({_named(camera)}; {depth}); nothing in it acts",
        seed=wanted.seed,
        facts={
            "kind": "parallax",
            "camera": list(camera.moves),
            "camera_from": "prompt" if camera.asked else "seed",
            "subject_found": found,
            "not_done": list(camera.not_done),
        },
    )


def _named(camera: Camera) -> str:
    return ", ".join(move.replace("_", " ") for move in camera.moves)


def _soundtrack(request: Request, seconds: int) -> film.Floats | None:
    """Return the sound for the video, cut or with silence after it; ``None`` without any."""
    if "audio" not in request.files:
        return None
    heard = film.read_sound(request.files["audio"], film.SOUND_RATE, 2, seconds)
    return film.fitted(heard, seconds)


def speak(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Let the faces in the picture speak."""
    wanted = _expect(TalkingAvatar, request.operation)
    image = imaging.flatten(imaging.open_picture(request.files["image"]))
    size = film.size_of(*image.size, wanted.resolution)
    rgb = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    speakers, left_out = _speakers(rgb, request, weights)
    seed, scripted = max(0, wanted.seed), "audio" not in request.files
    longest = voice.LONGEST if scripted else _LONGEST_SPEECH
    audio = voice.speak(wanted.script, seed) if scripted else request.files["audio"]
    heard = film.read_sound(audio, speech.HEARD_RATE, 1, longest)[0]
    with _room:
        cast = [
            (puppet.Puppet(rgb, mesh.points), speech.perform(heard, seed, number))
            for number, mesh in enumerate(speakers)
        ]
        count = len(cast[0][1].opening)
        sound = film.read_sound(audio, film.SOUND_RATE, 2, longest)
        data = film.write(
            puppet.frames(rgb, cast, count), size, film.fitted(sound, count / film.RATE)
        )
    return Delivery(
        outputs=(Output(data, _VIDEO, "", *size),),
        model=offer.model,
        method=(f"script spoken by a synthetic voice ({voice.NAME}); " if scripted else "")
        + (
            "the picture's own face bent along 468 points: jaw by loudness, lips by the sound's "
            "bands, painted mouth, blinks, sway; no words are recognised"
        ),
        seed=wanted.seed,
        facts={
            "kind": "puppet",
            "speakers": len(cast),
            "seconds": round(count / film.RATE, 2),
            "not_done": ([wanted.prompt] if wanted.prompt else []) + left_out,
        }
        | ({"voice": voice.NAME} if scripted else {}),
    )


def _speakers(rgb: film.Pixels, request: Request, weights: Path) -> tuple[list[Mesh], list[str]]:
    """Return the faces that shall and can speak, and words for those that cannot."""
    found = facemesh.find_meshes(rgb, weights)
    if not found:
        raise _no_face("No face was found whose mouth could be moved here", "image")
    if "mask" in request.files:
        mask = _mask(request.files["mask"], rgb.shape)
        found = [mesh for mesh in found if _marked(mesh, mask) > _MARKED]
        if not found:
            raise _no_face("The mask is white over none of the faces that were found", "mask")
    able = [mesh for mesh in found if mesh.yaw <= _TURNED and _height(mesh) >= _LEAST_FACE]
    if not able:
        why = (
            "The face is turned too far to the side"
            if found[0].yaw > _TURNED
            else f"The face is too small: {_height(found[0]):.0f} pixels in the video"
        )
        raise _no_face(why, "image")
    left_out = [
        f"a face {word} does not speak"
        for word, count in (
            ("turned away or too small", len(found) - len(able)),
            ("beyond the three largest", len(able) - _MOST_SPEAKERS),
        )
        for _ in range(max(0, count))
    ]
    return able[:_MOST_SPEAKERS], left_out


def _no_face(why: str, field: str) -> ProviderRejected:
    return ProviderRejected(
        f"{why}. This machine can only bend a face that looks about at the camera; wavespeed "
        "(with a key) makes other heads speak, too.",
        provider="local",
        field=field,
        allowed=f"a face towards the camera, at least {_LEAST_FACE} pixels high in the video",
    )


def _mask(data: bytes, shape: tuple[int, ...]) -> film.Floats:
    """Return the mask at the video's size, 0..1."""
    flat = imaging.flatten(imaging.open_picture(data), (0, 0, 0)).convert("L")
    resized = flat.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32) / 255


def _marked(mesh: Mesh, mask: film.Floats) -> float:
    """Return how much of a face is white in the mask, 0..1."""
    height, width = mask.shape
    face = mesh.face
    rows = slice(int(face.top * height), max(int(face.top * height) + 1, int(face.bottom * height)))
    columns = slice(
        int(face.left * width), max(int(face.left * width) + 1, int(face.right * width))
    )
    part = mask[rows, columns]
    return float(part.mean()) if part.size else 0.0


def _height(mesh: Mesh) -> float:
    return float(
        np.hypot(*(mesh.points[facemesh.CHIN, :2] - mesh.points[facemesh.BROW_MIDDLE, :2]))
    )


def make_solid(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Inflate the thing in the picture to a textured model."""
    wanted = _expect(ImageTo3D, request.operation)
    image = imaging.open_picture(request.files["image"])
    image.thumbnail((_CUT_SIDE, _CUT_SIDE), Image.Resampling.LANCZOS)
    with _room:
        colours, alpha = _thing(matte.cut_out(image, weights))
        luma = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
        body = solid(alpha, luma, most=(wanted.count_of, wanted.count))
        texture = _texture(colours, alpha, int(wanted.texture))
    ratio = wanted.foreground_ratio or _USUAL_RATIO
    data = write_glb(body.scaled(ratio), texture, "image/jpeg", "thing")
    return Delivery(
        outputs=(Output(data, _MODEL),),
        model=offer.model,
        method="cut-out inflated to a relief (Poisson), its light and shade as detail; "
        "the back mirrors the front",
        seed=wanted.seed,
        facts={
            "kind": "relief",
            "vertices": len(body.positions),
            "faces": len(body.faces),
            "texture": int(wanted.texture),
            "not_done": ["true depth", "the real back and sides"],
        },
    )


def _thing(cut: Image.Image) -> tuple[film.Pixels, film.Floats]:
    """Return colours and matte of the cut-out thing, cropped to it, without loose bits.

    Raises:
        ProviderRejected: nothing stands out in the picture.
    """
    values = np.asarray(cut)
    solid_part = (values[..., 3] > 127).astype(np.uint8)  # noqa: PLR2004 - half
    _, labels, stats, _ = cv2.connectedComponentsWithStats(solid_part, connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas) or areas.max() < _LEAST_THING * solid_part.size:
        raise ProviderRejected(
            "No thing stands out from the background of this picture. wavespeed, stability or "
            "huggingface (with a key) may find one.",
            provider="local",
            field="image",
            allowed="a picture of one thing before a background",
        )
    keep = np.zeros(len(stats), bool)
    keep[1:] = areas >= _ISLAND * areas.max()
    kept = keep[labels].astype(np.uint8)
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    near = cv2.dilate(kept, np.ones((5, 5), np.uint8))
    alpha = values[..., 3].astype(np.float32) / 255 * near
    return np.ascontiguousarray(values[..., :3][box]), np.ascontiguousarray(alpha[box])


def _texture(colours: film.Pixels, alpha: film.Floats, side: int) -> bytes:
    """Return the texture as JPEG: the thing fills it, its colours go on beyond the outline."""
    weight = (alpha > 0.9).astype(np.float32)[..., None]  # noqa: PLR2004 - surely the thing's own
    known = colours.astype(np.float32) * weight
    result, have = known.copy(), weight[..., 0].copy()
    radius = 2
    while have.min() < 1 and radius < max(alpha.shape) * 2:
        window = (2 * radius + 1, 2 * radius + 1)
        mean_weight = cv2.blur(weight, window, borderType=cv2.BORDER_CONSTANT)
        mean = cv2.blur(known, window, borderType=cv2.BORDER_CONSTANT)
        new = (have < 1) & (mean_weight > 1e-4)  # noqa: PLR2004 - at least one pixel in reach
        result[new] = mean[new] / mean_weight[new][:, None]
        have[new] = 1
        radius *= 2
    soft = np.clip((alpha - 0.5) * 2, 0, 1)[..., None]
    mixed = result + (colours - result) * soft
    image = Image.fromarray(np.rint(np.clip(mixed, 0, 255)).astype(np.uint8))
    return imaging.encode(image.resize((side, side), Image.Resampling.LANCZOS), "jpeg")


def _expect(kind: type[Wanted], operation: Operation) -> Wanted:
    if not isinstance(operation, kind):
        raise TypeError(f"{operation.operation} came to an offer for {kind.__name__}")
    return operation
