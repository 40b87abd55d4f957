"""What the studio knows by heart: data files and the look-ups over them."""

from studio.catalog.colours import colour_name
from studio.catalog.social_formats import SOCIAL_FORMATS, SocialFormat, social_format
from studio.catalog.styles import STYLES, LocalStyle, Style, known_style, style
from studio.catalog.templates import (
    CATEGORIES,
    PLATFORMS,
    TEMPLATES,
    Recommendation,
    Template,
    listed,
    nearest,
    recommend,
    search,
    template,
)

__all__ = [
    "CATEGORIES",
    "PLATFORMS",
    "SOCIAL_FORMATS",
    "STYLES",
    "TEMPLATES",
    "LocalStyle",
    "Recommendation",
    "SocialFormat",
    "Style",
    "Template",
    "colour_name",
    "known_style",
    "listed",
    "nearest",
    "recommend",
    "search",
    "social_format",
    "style",
    "template",
]
