"""The provider called ``huggingface``: Hugging Face's router to inference providers."""

from providers.huggingface.provider import HuggingFaceProvider

__all__ = ["HuggingFaceProvider"]
