"""Orders for each of WaveSpeed's offers: what it must get for them, and what must come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.catalog import style
from studio.operations import (
    EditImage,
    EnhancePrompt,
    Erase,
    FaceSwap,
    Generate,
    ImageToVideo,
    Inpaint,
    Operation,
    Outpaint,
    TagImage,
    TalkingAvatar,
    Upscale,
)
from tests.contract.wavespeed_kit import mask, photo, sound


@dataclass(frozen=True)
class Sold:
    """An order, what WaveSpeed must get, and what must come back.

    Attributes:
        body: all of it; uploads stand there by their file names.
        cost: millionths of a dollar.
        size: pixels that come back; zeros where it is no picture.
        asked: the fact that the delivery tells of it.
    """

    offer: str
    name: str
    operation: Operation
    body: Mapping[str, Any]
    cost: int
    files: Mapping[str, bytes] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)
    media_type: str = "image/png"
    seed: int | None = None
    asked: str = ""


PROMPT = "a fox"
TURBO, BALANCED, QUALITY = (f"wavespeed/ideogram-v3-{s}" for s in ("turbo", "balanced", "quality"))
ONE = {"image": photo()}
WITH_MASK = {"image": photo(), "mask": mask()}
FACES = {"image": photo(), "face": photo("face", 48, 48, "JPEG")}
LARGE = {"image": photo("large", 600, 400)}
TWO_LARGE = LARGE | {"reference": photo("other", 400, 400)}


def _generate(**more: Any) -> Generate:
    return Generate(prompt=PROMPT, **more)


SOLD = (
    *(
        Sold(
            offer,
            "a wide picture",
            _generate(width=1920, height=1080, seed=7),
            {"prompt": PROMPT, "aspect_ratio": "16:9"},
            cost,
            size=(1312, 736),
            asked="16:9",
        )
        for offer, cost in ((TURBO, 30_000), (BALANCED, 60_000), (QUALITY, 90_000))
    ),
    Sold(
        TURBO,
        "everything that it can be told",
        _generate(
            negative_prompt="text, frames",
            style="realistic",
            width=64,
            height=2048,
            reference="a",
            reference_2="b",
            reference_3="c",
        ),
        {
            "prompt": "a fox. Do not show: text, frames",
            "style": "Realistic",
            "aspect_ratio": "9:16",
            "reference_images": ["reference.png", "reference_2.jpg", "reference_3.webp"],
        },
        30_000,
        {
            "reference": photo("a"),
            "reference_2": photo("b", kind="JPEG"),
            "reference_3": photo("c", kind="WEBP"),
        },
        size=(736, 1312),
        asked="9:16",
    ),
    Sold(
        BALANCED,
        "a style in words and one reference in the last place",
        _generate(style="line-art", reference_3="c"),
        {
            "prompt": f"a fox, {style('line-art').fragment}",
            "aspect_ratio": "1:1",
            "reference_images": ["reference_3.png"],
        },
        60_000,
        {"reference_3": photo("c")},
        size=(1024, 1024),
        asked="1:1",
    ),
    Sold(
        "wavespeed/qwen-image",
        "seed 0 is a seed",
        _generate(width=1024, height=768, seed=0, output_format="webp"),
        {"prompt": PROMPT, "size": "1024*768", "seed": 0, "output_format": "webp"},
        20_000,
        size=(1024, 768),
        media_type="image/webp",
        seed=0,
        asked="1024*768",
    ),
    Sold(
        "wavespeed/qwen-image",
        "the largest size and seed, negative prompt and style in words",
        _generate(
            width=2048,
            height=1024,
            seed=2_147_483_647,
            negative_prompt="people",
            style="watercolour",
            output_format="jpeg",
        ),
        {
            "prompt": f"a fox, {style('watercolor').fragment}. Do not show: people",
            "size": "1536*768",
            "seed": 2_147_483_647,
            "output_format": "jpeg",
        },
        20_000,
        size=(1536, 768),
        media_type="image/jpeg",
        seed=2_147_483_647,
        asked="1536*768",
    ),
    Sold(
        "wavespeed/qwen-image",
        "no seed, and a shape that it has only nearly",
        _generate(width=64, height=2048),
        {"prompt": PROMPT, "size": "256*1536", "output_format": "png"},
        20_000,
        size=(256, 1536),
        asked="256*1536",
    ),
    Sold(
        "wavespeed/wan-2.5",
        "a true negative prompt",
        _generate(width=64, height=64, seed=5, negative_prompt="text", style="oil"),
        {
            "prompt": "a fox, oil style",
            "negative_prompt": "text",
            "size": "768*768",
            "enable_prompt_expansion": False,
            "seed": 5,
        },
        30_000,
        size=(768, 768),
        seed=5,
        asked="768*768",
    ),
    Sold(
        "wavespeed/wan-2.5",
        "the largest size",
        _generate(width=2048, height=2048),
        {"prompt": PROMPT, "size": "1440*1440", "enable_prompt_expansion": False},
        30_000,
        size=(1440, 1440),
        asked="1440*1440",
    ),
    *(
        Sold(
            f"{offer}/edit",
            "with references",
            EditImage(
                image="i",
                prompt="winter",
                negative_prompt="snowmen",
                reference="a",
                reference_2="b",
            ),
            {
                "image": "image.png",
                "prompt": "winter. Do not show: snowmen",
                "aspect_ratio": "4:3",
                "reference_images": ["reference.png", "reference_2.png"],
            },
            cost,
            {**ONE, "reference": photo("a"), "reference_2": photo("b")},
            size=(1152, 864),
            asked="4:3",
        )
        for offer, cost in ((TURBO, 30_000), (BALANCED, 60_000), (QUALITY, 90_000))
    ),
    Sold(
        "wavespeed/qwen-image-edit",
        "one picture, in its own shape",
        EditImage(image="i", prompt="winter", seed=9, output_format="jpeg"),
        {
            "image": "image.png",
            "prompt": "winter",
            "size": "600*400",
            "seed": 9,
            "output_format": "jpeg",
        },
        20_000,
        LARGE,
        size=(600, 400),
        media_type="image/jpeg",
        seed=9,
        asked="600*400",
    ),
    Sold(
        "wavespeed/qwen-image-edit-plus",
        "three pictures",
        EditImage(
            image="i",
            prompt="winter",
            negative_prompt="ice",
            reference="a",
            reference_2="b",
            seed=0,
        ),
        {
            "images": ["image.png", "reference.png", "reference_2.png"],
            "prompt": "winter. Do not show: ice",
            "size": "600*400",
            "seed": 0,
            "output_format": "png",
        },
        20_000,
        {**TWO_LARGE, "reference_2": photo("third")},
        size=(600, 400),
        seed=0,
        asked="600*400",
    ),
    Sold(
        "wavespeed/qwen-image-edit-plus",
        "one picture",
        EditImage(image="i", prompt="winter"),
        {"images": ["image.png"], "prompt": "winter", "size": "600*400", "output_format": "png"},
        20_000,
        LARGE,
        size=(600, 400),
        asked="600*400",
    ),
    Sold(
        "wavespeed/wan-2.5/edit",
        "two pictures",
        EditImage(image="i", prompt="winter", negative_prompt="ice", reference="a", seed=3),
        {
            "images": ["image.png", "reference.png"],
            "prompt": "winter",
            "negative_prompt": "ice",
            "seed": 3,
        },
        30_000,
        TWO_LARGE,
        size=(600, 400),
        seed=3,
    ),
    *(
        Sold(
            f"{offer}/inpaint",
            "white is painted",
            Inpaint(
                image="i", mask="m", prompt="a door", negative_prompt="red", style="cubism", seed=1
            ),
            {
                "image": "image.png",
                "mask_image": "mask.png",
                "prompt": "a door, cubism style. Do not show: red",
                "aspect_ratio": "4:3",
            },
            cost,
            WITH_MASK,
            size=(96, 64),
            asked="4:3",
        )
        for offer, cost in ((TURBO, 30_000), (BALANCED, 60_000), (QUALITY, 90_000))
    ),
    *(
        Sold(
            f"wavespeed/{model}",
            "the mask is erased",
            Erase(image="i", mask="m", seed=4),
            {"image": "image.png", "mask_image": "mask.png"},
            cost,
            WITH_MASK,
            size=(96, 64),
        )
        for model, cost in (("image-eraser", 25_000), ("bria-eraser", 40_000))
    ),
    Sold(
        "wavespeed/bria-expand",
        "margins on two sides",
        Outpaint(image="i", left=10, down=20, seed=4),
        {"image": "image.png", "mask_image": "mask.png"},
        40_000,
        ONE,
        size=(106, 84),
    ),
    Sold(
        "wavespeed/image-upscaler",
        "2k is enough",
        Upscale(image="i", factor="2x"),
        {"image": "image.png", "target_resolution": "2k", "output_format": "png"},
        10_000,
        {"image": photo("p", 960, 480)},
        size=(2048, 1024),
        asked="2k",
    ),
    Sold(
        "wavespeed/image-upscaler",
        "one pixel more needs 4k, and so large a PNG is asked for as JPEG",
        Upscale(image="i", factor="2x"),
        {"image": "image.png", "target_resolution": "4k", "output_format": "jpeg"},
        10_000,
        {"image": photo("p", 961, 900)},
        size=(3840, 3596),
        media_type="image/jpeg",
        asked="4k",
    ),
    Sold(
        "wavespeed/ultimate-image-upscaler",
        "8k",
        Upscale(image="i", factor="4x", output_format="webp"),
        {"image": "image.jpg", "target_resolution": "8k", "output_format": "webp"},
        60_000,
        {"image": photo("p", 1280, 32, "JPEG")},
        size=(7680, 192),
        media_type="image/webp",
        asked="8k",
    ),
    Sold(
        "wavespeed/image-face-swap",
        "the third face",
        FaceSwap(image="i", face="f", face_number=2, consent=True, output_format="jpeg"),
        {
            "image": "image.png",
            "face_image": "face.jpg",
            "target_index": 2,
            "output_format": "jpeg",
        },
        10_000,
        FACES,
        size=(96, 64),
        media_type="image/jpeg",
    ),
    Sold(
        "wavespeed/image-face-swap-pro",
        "the only face",
        FaceSwap(image="i", face="f", consent=True),
        {"image": "image.png", "face_image": "face.jpg", "output_format": "png"},
        25_000,
        FACES,
        size=(96, 64),
    ),
    *(
        Sold(
            f"wavespeed/wan-2.5/image_to_video/{resolution}",
            "three seconds with sound",
            ImageToVideo(
                image="i",
                prompt="waves",
                negative_prompt="boats",
                audio="a",
                resolution=resolution,
                duration=3,
                expand_prompt=True,
                seed=11,
            ),
            {
                "image": "image.png",
                "prompt": "waves",
                "negative_prompt": "boats",
                "audio": "audio.wav",
                "resolution": resolution,
                "duration": 3,
                "enable_prompt_expansion": True,
                "seed": 11,
            },
            cost,
            {**ONE, "audio": sound(3)},
            media_type="video/mp4",
            seed=11,
            asked=resolution,
        )
        for resolution, cost in (("480p", 150_000), ("720p", 300_000), ("1080p", 450_000))
    ),
    Sold(
        "wavespeed/wan-2.5/image_to_video/480p",
        "ten silent seconds",
        ImageToVideo(image="i", prompt="waves", resolution="480p", duration=10),
        {
            "image": "image.png",
            "prompt": "waves",
            "resolution": "480p",
            "duration": 10,
            "enable_prompt_expansion": False,
        },
        500_000,
        ONE,
        media_type="video/mp4",
        asked="480p",
    ),
    Sold(
        "wavespeed/infinitetalk/480p",
        "six seconds are sold as ten",
        TalkingAvatar(image="i", audio="a", resolution="480p", seed=2),
        {"image": "image.png", "audio": "audio.wav", "resolution": "480p", "seed": 2},
        300_000,
        {**ONE, "audio": sound(5.2)},
        media_type="video/mp4",
        seed=2,
        asked="480p",
    ),
    Sold(
        "wavespeed/infinitetalk/720p",
        "who speaks, and how",
        TalkingAvatar(image="i", audio="a", mask="m", prompt="calmly", resolution="720p"),
        {
            "image": "image.png",
            "audio": "audio.wav",
            "mask_image": "mask.png",
            "prompt": "calmly",
            "resolution": "720p",
        },
        300_000,
        {**ONE, "audio": sound(1), "mask": mask()},
        media_type="video/mp4",
        asked="720p",
    ),
    Sold(
        "wavespeed/image-captioner",
        "a caption, and tags from it",
        TagImage(image="i", most_tags=4),
        {"image": "image.png", "detail_level": "high"},
        2_000,
        ONE,
        media_type="application/json",
    ),
    Sold(
        "wavespeed/molmo2-prompt-optimizer",
        "a style that it knows",
        EnhancePrompt(prompt=PROMPT, style="Anime"),
        {"text": PROMPT, "mode": "image", "style": "anime"},
        2_000,
        media_type="application/json",
    ),
    Sold(
        "wavespeed/molmo2-prompt-optimizer",
        "a style that it does not know",
        EnhancePrompt(prompt=PROMPT, style="line-art"),
        {"text": f"a fox, {style('line-art').fragment}", "mode": "image"},
        2_000,
        media_type="application/json",
    ),
)
