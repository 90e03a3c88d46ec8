"""Packages that not every use needs, and the extra of the distribution that brings each of them.

``pip install .`` in a checkout brings what ``check`` and ``send`` need; ``pip install '.[all]'``
brings everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from smtps.errors import LocalError, Phase

EXTRAS = {
    "asyncpg": "postgres",
    "fastapi": "serve",
    "h11": "sandbox",
    "httpcore2": "web",
    "jinja2": "merge",
    "keyring": "keyring",
    "oauthlib": "oauth",
    "limits": "serve",
    "platformdirs": "oauth",
    "pgqueuer": "postgres",
    "prometheus_client": "serve",
    "psycopg": "postgres",
    "pydantic": "serve",
    "pydantic_core": "serve",
    "pydantic_settings": "serve",
    "python_multipart": "serve",
    "sqlalchemy": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
}
"""Package that is imported → extra."""


class ExtraError(LocalError, ImportError):
    """A package is not installed; the message says which extra brings it.

    Args:
        package: what could not be imported.
    """

    def __init__(self, package: str) -> None:
        self.extra = EXTRAS[package]
        super().__init__(
            "input.extra_missing",
            f"This needs the package {package}, which is not installed. The extra "
            f"“{self.extra}” brings it: in a checkout of smtps, run pip install '.[{self.extra}]'.",
            phase=Phase.INPUT,
        )


@contextmanager
def extra_needed() -> Iterator[None]:
    """Whatever is imported inside may belong to an extra.

    Raises:
        ExtraError: it does, and is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise ExtraError(package) from None
