"""How people write a server: host, port, or both."""

from __future__ import annotations

from smtps.errors import InputError


def split_target(target: str, *, addresses: bool = False) -> tuple[str, int]:
    """Host and port out of ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address.

    Args:
        target: what people write.
        addresses: let a mail address stand for the host; its server is to be found.

    Returns:
        The port is 0 where none is given.

    Raises:
        InputError: the port is none, or this is a mail address, a URL or a number.
    """
    if "://" in target:
        raise InputError(
            "target", "is a URL; give the host alone, or host and port: smtp.example.com:465"
        )
    if target.isascii() and target.isdigit():
        raise InputError(
            "target", f"{target} is a number; a port stands behind its host: smtp.example.com:465"
        )
    if "@" in target:
        if addresses:
            return target, 0
        raise InputError(
            "target",
            "is a mail address; give the mail server's host name, such as smtp.example.com",
        )
    host, colon, port = target.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return target, 0
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise InputError("port", f"must be between 1 and 65535, not {port!r}")
    return host, int(port)
