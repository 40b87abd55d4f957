"""Presets: operations filled in for one purpose, so that a quick run asks for one thing.

Each is a deployment of its operation's flow with some fields filled in, and is described with the
prices of those who can do it. A new one is a line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers import Offer

_SOCIAL_SET = [
    "instagram_feed_post_square",
    "instagram_feed_post_portrait",
    "instagram_story",
    "facebook_feed_post",
    "twitter_post",
    "linkedin_feed_post",
]


@dataclass(frozen=True, slots=True)
class Preset:
    """An operation filled in for one purpose.

    Attributes:
        name: of the deployment, as people look for it.
        operation: which.
        says: what it is for, in a sentence or two.
        values: fields of the operation; the others keep their defaults.
    """

    name: str
    operation: str
    says: str
    values: Mapping[str, Any]

    def is_by(self, offer: Offer) -> bool:
        """Whether an offer could do it: of the operation, and of whom the preset names."""
        wanted = str(self.values.get("provider", "auto"))
        model = str(self.values.get("model", ""))
        return (
            offer.operation == self.operation
            and wanted in {"auto", offer.provider}
            and model in {"", offer.model}
        )


PRESETS = (
    Preset(
        "Instagram post",
        "generate",
        "A square picture for the feed, 1080 by 1080, from a description in words.",
        {"template": "instagram_feed_square", "output_format": "jpeg"},
    ),
    Preset(
        "Instagram story",
        "generate",
        "An upright picture for a story or a reel's cover, 1080 by 1920, from words.",
        {"template": "instagram_story", "output_format": "jpeg"},
    ),
    Preset(
        "LinkedIn header",
        "generate",
        "A banner for a profile, 1584 by 396, from a description in words.",
        {"template": "linkedin_profile_banner", "output_format": "jpeg"},
    ),
    Preset(
        "Blog header",
        "generate",
        "A wide picture above an article, 1920 by 1080, from a description in words.",
        {"template": "blog_header", "output_format": "webp"},
    ),
    Preset(
        "Four drafts",
        "generate",
        "Four quick pictures of one description, each with the next seed, to choose from.",
        {"quality": "draft", "variations": 4, "width": 768, "height": 768},
    ),
    Preset(
        "Product photo on white",
        "replace_background",
        "A product cut out and put before plain white, as marketplaces ask for it.",
        {"background_prompt": "plain white", "output_format": "jpeg"},
    ),
    Preset(
        "Cut-out on this machine",
        "remove_background",
        "The subject of a picture on a transparent ground; nothing leaves this machine.",
        {"provider": "local"},
    ),
    Preset(
        "Upscale x2, fast",
        "upscale",
        "Twice as wide and high, by the quickest who can.",
        {"factor": "2x", "mode": "fast"},
    ),
    Preset(
        "Upscale for print",
        "upscale",
        "3072 pixels of the longer side; the studio decides how, and says why.",
        {"preset": "print", "mode": "auto"},
    ),
    Preset(
        "Social set",
        "social_export",
        "One picture as a file for each of the six formats that most campaigns need, and a ZIP of "
        "all.",
        {"formats": _SOCIAL_SET, "zip": True},
    ),
    Preset(
        "Picture for the web",
        "compress",
        "WebP of at most 200 kilobytes and 2048 pixels.",
        {"max_kilobytes": 200, "max_side": 2_048, "output_format": "webp", "keep_size": False},
    ),
    Preset(
        "Auto tags on this machine",
        "tag",
        "Tags for one picture; nothing leaves this machine.",
        {"provider": "local", "most_tags": 15},
    ),
)
"""All presets, in the order in which documents tell them."""
