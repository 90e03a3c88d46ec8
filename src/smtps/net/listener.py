"""A socket that takes connections: the one way in which this project begins to listen."""

from __future__ import annotations

import socket

from smtps.errors import InputError

UNREAD = 1 << 18
"""Bytes of answers that the system keeps for a caller who does not read; left to itself, it keeps
megabytes."""


def take_port(host: str, port: int) -> socket.socket:
    """An address and port to serve at, taken and not listened on yet.

    Args:
        host: an IP address.
        port: 0 for any that is free.

    Raises:
        InputError: they cannot be had; its cause is the system's error.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only with the protocol named does asyncio switch Nagle's algorithm off, which would hold the
    # second part of every answer back for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD)  # and of each connection
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(
            "port", f"cannot listen on {host} port {port}: {error.strerror}"
        ) from error
    return listener
