"""Pages beside Prefect's own: for now, the files of the library."""

from interfaces.web.files import application

__all__ = ["application"]
