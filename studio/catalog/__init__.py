"""What the studio knows by heart: data files and the look-ups over them."""

from studio.catalog.social_formats import SOCIAL_FORMATS, SocialFormat, social_format

__all__ = ["SOCIAL_FORMATS", "SocialFormat", "social_format"]
