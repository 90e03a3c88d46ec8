"""What the operator decides about the service: one place."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from smtps.errors import InputError


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the service.

    Attributes:
        host: loopback address to listen on.
        port: 0 takes a free one.
        max_body: octets of a request's body.

    Raises:
        InputError: a value cannot be used.
    """

    host: str = "127.0.0.1"
    port: int = 8465
    max_body: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        try:
            loopback = ip_address(self.host).is_loopback
        except ValueError:
            loopback = self.host == "localhost"
        if not loopback:
            raise InputError("host", "the service listens on loopback only, such as 127.0.0.1")
        if not 0 <= self.port <= 65535:
            raise InputError("port", "must be between 0 and 65535")
