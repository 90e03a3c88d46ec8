"""How clients prove themselves to the token endpoint (RFC 6749 section 2.3, RFC 7523)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from smtps.sandbox.issuer.jws import Signed, read_signed
from smtps.sandbox.issuer.refusals import RefusalError
from smtps.sandbox.issuer.registry import Client, Registry

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

LONGEST = 3700
"""Seconds that an assertion may be good for: an hour, and what clocks differ by."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who is asked, and when.

    Attributes:
        registry: of clients.
        audiences: what the issuer and its token endpoint are called.
        now: seconds since 1970.
        needs_secret: whether a client that has a secret always has to show it.
        tenant: for words.
    """

    registry: Registry
    audiences: tuple[str, ...]
    now: float
    needs_secret: bool
    tenant: str

    def client(self, form: Mapping[str, str], headers: Mapping[str, str]) -> Client:
        """The client that asks.

        Raises:
            RefusalError: it is not known, or does not prove itself.
        """
        if "client_assertion" in form:
            return self._by_assertion(form)
        name, secret = _basic(headers) or (form.get("client_id", ""), form.get("client_secret"))
        client = self.known(name)
        if not secret:
            if client.secret is not None and self.needs_secret:
                raise RefusalError("secret_missing", client=name)
        elif not client.has_secret(secret):
            raise RefusalError("secret_wrong", client=name)
        return client

    def known(self, name: str) -> Client:
        """A client by its id.

        Raises:
            RefusalError: there is none.
        """
        client = self.registry.clients.get(name)
        if client is None:
            raise RefusalError("client_unknown", client=name, tenant=self.tenant)
        return client

    def _by_assertion(self, form: Mapping[str, str]) -> Client:
        signed = read_signed(form["client_assertion"])
        name = "" if signed is None else str(signed.claims.get("sub", ""))
        client = self.known(form.get("client_id", name))
        good = (
            signed is not None
            and form.get("client_assertion_type") == ASSERTION_TYPE
            and signed.claims.get("iss") == signed.claims.get("sub") == client.client_id
        )
        if not good or signed is None:
            raise RefusalError("client_key_refused", client=client.client_id)
        self.check(signed, client, "client_key_refused")
        return client

    def check(self, signed: Signed, client: Client, problem: str) -> None:
        """Make sure that an assertion is the client's, for this server, in time, and a new one.

        Args:
            signed: the assertion.
            client: whose it should be.
            problem: error where it is not.

        Raises:
            RefusalError: it is not.
        """
        if client.key is None or not signed.verified_by(client.key):
            raise RefusalError(problem, client=client.client_id)
        audience = signed.claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if set(self.audiences).isdisjoint(map(str, named)):
            raise RefusalError(problem, client=client.client_id)
        self._check_time(signed)
        number = str(signed.claims.get("jti", ""))
        if number in self.registry.assertions:
            raise RefusalError(problem, client=client.client_id)
        if number:
            self.registry.assertions.add(number)

    def _check_time(self, signed: Signed) -> None:
        try:
            begin = float(signed.claims.get("nbf", signed.claims.get("iat", 0)))
            end = float(signed.claims["exp"])
        except (KeyError, TypeError, ValueError):
            raise RefusalError("assertion_expired") from None
        if not begin - 60 <= self.now < end <= self.now + LONGEST:
            raise RefusalError("assertion_expired")


def _basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Id and secret of the header (RFC 6749 section 2.3.1)."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        raise RefusalError("request_malformed") from None
    return unquote_plus(name), unquote_plus(secret)
