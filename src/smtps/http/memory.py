"""Gives the memory of a burst back to the system, where the C library is glibc.

glibc keeps what was freed: each thread may get an arena of its own, the threshold above which a
block has pages to itself grows with the largest block that was freed, and free pages between used
ones stay until somebody asks. After two thousand connections and some bodies of megabytes, a
service would hold tens of megabytes that it never uses again. See mallopt(3) and malloc_trim(3).
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys

EVERY = 10.0
"""Seconds between two trims. One takes some milliseconds, in a thread."""

ARENAS = 2
"""More would help threads that allocate at the same moment, which the interpreter prevents."""

LARGE = 1 << 18
"""Bytes from which a block has pages of its own, which go back when it is freed."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # <malloc.h>


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None


async def keep_small() -> None:
    """Keep the process small until cancelled.

    What the start has made stays until the end; the collector need not look at it again, so that
    one look at all the rest takes little of the loop's time.
    """
    gc.collect()
    gc.freeze()
    library = _glibc()
    if library is None:
        return
    for option, value in (
        (_M_ARENA_MAX, ARENAS),
        (_M_MMAP_THRESHOLD, LARGE),
        (_M_TRIM_THRESHOLD, LARGE),
    ):
        library.mallopt(option, value)
    while True:
        await asyncio.sleep(EVERY)
        gc.collect()
        await asyncio.to_thread(library.malloc_trim, 0)
