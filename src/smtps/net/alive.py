"""Socket options by which the kernel gives up a line that is cut (RFC 1122 4.2.3.6, RFC 5482)."""

from __future__ import annotations

import os
import socket

IDLE, INTERVAL, COUNT = 10, 5, 3
"""Seconds of silence before the first question whether the other end is there, seconds between
such questions, and how many may stay without an answer."""


def keep_alive(number: int, patience: float) -> None:
    """Set them on somebody else's socket.

    Args:
        number: its file descriptor, which stays open.
        patience: seconds that what was sent may stay unacknowledged.
    """
    with socket.socket(fileno=os.dup(number)) as wire:
        if wire.family == getattr(socket, "AF_UNIX", None):
            return
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", IDLE),
            ("TCP_KEEPINTVL", INTERVAL),
            ("TCP_KEEPCNT", COUNT),
            ("TCP_USER_TIMEOUT", round(patience * 1000)),
        ):
            if (option := getattr(socket, name, None)) is not None:  # not every system has them
                wire.setsockopt(socket.IPPROTO_TCP, option, value)
