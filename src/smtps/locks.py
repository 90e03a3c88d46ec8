"""Locks on files (flock): the system releases them when a process ends, however it ends."""

from __future__ import annotations

import errno
from typing import IO


class NoLocksError(OSError):
    """This system has no such locks; Windows has none."""


def lock(file: int | IO[bytes], *, wait: bool = False) -> None:
    """Lock a file for this process alone.

    Args:
        file: open, or its descriptor; closing it ends the lock.
        wait: until another process has released it.

    Raises:
        NoLocksError: the system has none.
        OSError: another process has it.
    """
    try:
        import fcntl  # noqa: PLC0415
    except ImportError:
        raise NoLocksError(errno.ENOTSUP, "this system has no locks on files") from None
    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
