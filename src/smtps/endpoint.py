"""How to reach a server and log in: one frozen object, handed through all floors."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, TypedDict, cast

from smtps.credentials import TokenSource
from smtps.errors import InputError
from smtps.target import read_target

Security = Literal["implicit", "starttls"]
Partial = Literal["abort", "send"]

DEFAULT_PORT: dict[Security, int] = {"implicit": 465, "starttls": 587}
"""RFC 8314 section 3.3, RFC 6409 section 3.1."""

STARTTLS_PORTS = frozenset({25, 587, 2525, 2587})
"""Ports on which TLS begins with STARTTLS unless told otherwise; on all others, at once."""


def security_of(port: int) -> Security:
    """How TLS begins on a port by default: the one rule, wherever a server is named."""
    return "starttls" if port in STARTTLS_PORTS else "implicit"


EHLO_NAME = "portofcall"
"""The portofcall API's EHLO name. A server that wants a host name gets the address literal next."""

MAX_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds for each phase, and for all of them together.

    The values follow RFC 5321 section 4.5.3.2 where a server may have work to do. The wait for
    the final reply is long on purpose: a client that gives up there sends the message twice.
    """

    dns: float = 10.0
    tcp: float = 15.0
    tls: float = 20.0
    greeting: float = 60.0
    command: float = 60.0
    """EHLO, each step of a login, RSET, NOOP."""
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    """The 354, and each block of the message that the server is slow to take."""
    final: float = 600.0
    quit: float = 2.0
    """Courtesy only: nothing depends on the answer."""
    total: float | None = None
    """From the look-up to the end of the login, and again for each message of a session."""

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            if name == "total" and value is None:
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 < value <= MAX_TIMEOUT:
                raise InputError(
                    f"timeouts.{name}", f"must be more than 0 and at most {MAX_TIMEOUT:.0f} seconds"
                )


DEFAULT_TIMEOUTS = Timeouts()
"""The values of most endpoints: checked once, and not again for each."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A submission server, how to trust it, and who to be there.

    Attributes:
        host: name, or literal IPv4 or IPv6 address; also ``host:port`` or a URL such as
            ``smtps://host:465``, which is taken apart.
        port: default 465, or 587 with ``security="starttls"``.
        security: ``implicit`` is TLS from the first byte (RFC 8314); ``starttls`` upgrades. Left
            out, it follows the port: STARTTLS on 25, 587, 2525 and 2587, implicit on all others.
        username, password: both or neither; never in a repr.
        access_token: OAuth 2 bearer token in place of the password (RFC 7628).
        token_source: the same for a login that lasts: it is asked for a token at each login, and
            for another one if the server refuses that.
        mechanism: SASL mechanism to use and no other, such as ``SCRAM-SHA-256``.
        verify: check the certificate against name and trust store.
        allow_unverified_login: send credentials although ``verify`` is off.
        ca_file: PEM file of the only authorities to trust, in place of the system's.
        fingerprint: SHA-256 of the one certificate to accept, in hex; replaces ``verify``.
        client_certificate: PEM file with certificate and key, or a pair of files.
        tls_minimum: ``TLSv1.2`` (RFC 8314 section 4.1) or ``TLSv1.3``.
        ehlo_name: the client's name for EHLO.
        chunking: use BDAT where the server offers it (RFC 3030).
        pipelining: send commands together where the server offers it (RFC 2920).
        transcript: keep what is said, without secrets. Without it, sending many is faster.
        resolver: address of a DNS server, with or without port, in place of the system's resolver.
        timeouts: see Timeouts.

    Raises:
        InputError: a value cannot be used; names the field.
    """

    host: str
    port: int = 0
    security: Security = field(default=cast(Security, None), kw_only=True)
    username: str | None = field(default=None, kw_only=True)
    password: str | None = field(default=None, kw_only=True, repr=False)
    access_token: str | None = field(default=None, kw_only=True, repr=False)
    token_source: TokenSource | None = field(default=None, kw_only=True, repr=False)
    mechanism: str | None = field(default=None, kw_only=True)
    verify: bool = field(default=True, kw_only=True)
    allow_unverified_login: bool = field(default=False, kw_only=True)
    ca_file: str | Path | None = field(default=None, kw_only=True)
    fingerprint: str | None = field(default=None, kw_only=True)
    client_certificate: str | Path | tuple[str | Path, str | Path] | None = field(
        default=None, kw_only=True
    )
    tls_minimum: Literal["TLSv1.2", "TLSv1.3"] = field(default="TLSv1.2", kw_only=True)
    ehlo_name: str = field(default=EHLO_NAME, kw_only=True)
    chunking: bool = field(default=True, kw_only=True)
    pipelining: bool = field(default=True, kw_only=True)
    transcript: bool = field(default=True, kw_only=True)
    resolver: str | None = field(default=None, kw_only=True)
    timeouts: Timeouts = field(default=DEFAULT_TIMEOUTS, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.host, str) or not self.host:
            raise InputError("host", "is required", code="input.host_required")
        if ":" in self.host or " " in self.host:
            self._take_apart()
        told: object = self.security
        if told is None:
            object.__setattr__(self, "security", security_of(self.port))
        if self.security not in DEFAULT_PORT:
            raise InputError("security", "must be 'implicit' or 'starttls'")
        if self.port == 0:
            object.__setattr__(self, "port", DEFAULT_PORT[self.security])
        if isinstance(self.port, bool) or not isinstance(self.port, int):
            raise InputError("port", "must be a whole number")
        if not 1 <= self.port <= 65535:
            raise InputError("port", "must be between 1 and 65535")
        self._check_credentials()
        if self.fingerprint is not None:
            object.__setattr__(self, "fingerprint", _fingerprint(self.fingerprint))

    def _take_apart(self) -> None:
        """Put a port and what else stands in ``host`` into the fields for it."""
        found = read_target(self.host, addresses=True, field="host")
        if found.port and self.port not in (0, found.port):
            raise InputError("port", f"is {self.port}, but {self.host} has another one")
        object.__setattr__(self, "host", found.host)
        object.__setattr__(self, "port", found.port or self.port)
        if cast(object, self.security) is None:
            object.__setattr__(self, "security", found.security)
        if self.username is None and any(getattr(self, name) is not None for name in _SECRETS):
            object.__setattr__(self, "username", found.username)

    def _check_credentials(self) -> None:
        given = [name for name in _SECRETS if getattr(self, name) is not None]
        if len(given) > 1:
            told = " or ".join(_SECRETS[name] for name in given)
            raise InputError(given[-1], f"give {told}, not both")
        external = (self.mechanism or "").upper() == "EXTERNAL"
        if (self.username is None) == bool(given) and not external:
            missing = "username" if self.username is None else "password"
            raise InputError(missing, "username and password go together; one of them is missing")
        for name in ("username", "password", "access_token"):
            try:
                (getattr(self, name) or "").encode()
            except UnicodeEncodeError:
                problem = "is not Unicode text; give it in UTF-8"
                raise InputError(name, problem) from None
        trusted = self.verify or self.fingerprint is not None
        if self.wants_login and not trusted and not self.allow_unverified_login:
            raise InputError(
                "verify",
                "credentials are not sent to a server whose certificate is not verified; give "
                "ca_file or fingerprint, or set allow_unverified_login as well",
                code="auth.unverified_tls",
            )

    def __reduce__(self) -> Any:
        if any(getattr(self, name) is not None for name in _SECRETS):
            raise TypeError(
                "an Endpoint that holds a password, an access token or a token source cannot be "
                "pickled, because the pickle would contain the secret in readable form; pickle "
                "dataclasses.replace(endpoint, username=None, password=None, access_token=None, "
                "token_source=None), and add the secret where it is used"
            )
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return _made, (type(self), values)

    def __copy__(self) -> Self:
        return self  # nothing in it can change

    def __deepcopy__(self, _memo: Any) -> Self:
        return self

    @property
    def wants_login(self) -> bool:
        """Whether there are credentials to log in with."""
        return self.username is not None or (self.mechanism or "").upper() == "EXTERNAL"


_SECRETS = {
    "password": "a password",
    "access_token": "an access token",
    "token_source": "a token source",
}
"""Field → what it is; an endpoint has one of them at most."""


def _made(kind: type[Endpoint], values: dict[str, Any]) -> Endpoint:
    return kind(**values)


def _fingerprint(text: str) -> str:
    digits = text.replace(":", "").lower()
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise InputError("fingerprint", "must be the 64 hexadecimal digits of a SHA-256")
    return digits


class EndpointOptions(TypedDict, total=False):
    """The keyword arguments of Endpoint, for functions that pass them on."""

    port: int
    security: Security
    username: str | None
    password: str | None
    access_token: str | None
    token_source: TokenSource | None
    mechanism: str | None
    verify: bool
    allow_unverified_login: bool
    ca_file: str | Path | None
    fingerprint: str | None
    client_certificate: Any
    tls_minimum: Literal["TLSv1.2", "TLSv1.3"]
    ehlo_name: str
    chunking: bool
    pipelining: bool
    transcript: bool
    resolver: str | None
    timeouts: Timeouts
