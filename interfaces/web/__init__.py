"""Pages beside Prefect's own: the files of the library, and boards for guests."""

from interfaces.web.files import application

__all__ = ["application"]
