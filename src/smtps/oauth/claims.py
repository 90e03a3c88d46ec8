"""What an access token says of itself, read without being trusted: no signature is checked here.

A JWT (RFC 7519, RFC 9068) is read within limits, however hostile it is; any other token is opaque.
Single claims are kept, printable and short, and never enough of them to make the token again.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from smtps.core.reply import printable

Kind = Literal["jwt", "encrypted", "opaque"]

LONGEST = 32_768
"""Characters of a token that is read. Real ones have 1,000 to 5,000."""

MOST = 24
"""Values of a list that are kept."""

SHOWN = 200
"""Characters of a value that are kept."""

_LAST = 253_402_300_799.0
"""The last second that a date can name: 9999-12-31T23:59:59Z."""

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+={0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """A token, as far as it can be read.

    Attributes:
        kind: ``jwt``; ``encrypted``, a JWT that only the server can read (RFC 7516); or ``opaque``.
        unread: why a JWT could not be read, or None.
        issuer: who made it (``iss``).
        audience: whom it is for (``aud``).
        scopes: what a person lets the program do (``scope``, at Microsoft ``scp``).
        roles: what the program may do by itself (``roles``).
        issued_at, not_before, expires_at: seconds since 1970.
        tenant: of Microsoft (``tid``).
        user: who logged in, by name: ``upn``, ``preferred_username``, ``unique_name``, ``email``,
            or a ``sub`` that is an address.
        application: the client's id (``appid``, ``azp``, ``client_id``).
        object_id: at Microsoft, of the user, or of the application in the tenant (``oid``).
        app_only: whether a program got it for itself, without a person; None if that is not said.
        id_token: whether it is made for the client and no server (OpenID Connect Core section 2).
    """

    kind: Kind
    unread: str | None = None
    issuer: str | None = None
    audience: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    issued_at: float | None = None
    not_before: float | None = None
    expires_at: float | None = None
    tenant: str | None = None
    user: str | None = None
    application: str | None = None
    object_id: str | None = None
    app_only: bool | None = None
    id_token: bool = False

    @property
    def readable(self) -> bool:
        """Whether there is something to compare."""
        return self.kind == "jwt" and self.unread is None


def read(token: str) -> Claims:
    """The claims of a token. Its size bounds the work; nothing is raised."""
    if len(token) > LONGEST:
        looks = token.startswith("eyJ")
        return Claims(kind="jwt" if looks else "opaque", unread="it is too long" if looks else None)
    segments = token.split(".")
    if len(segments) not in (3, 5) or (header := _object(segments[0])) is None:
        return Claims(kind="opaque")
    if not isinstance(header.get("alg"), str):
        return Claims(kind="opaque")
    if len(segments) == 5:
        return Claims(kind="encrypted")
    if (found := _object(segments[1])) is None:
        return Claims(kind="jwt", unread="its payload is not a JSON object")
    return _claims(header, found)


def _claims(header: Mapping[str, Any], found: Mapping[str, Any]) -> Claims:
    scopes = _texts(found.get("scp")) or _texts(found.get("scope"))
    subject, application = _first(found, ("sub",)), _first(found, _APPLICATION)
    if (user := _first(found, _USER)) is None and subject is not None and "@" in subject:
        user = subject
    return Claims(
        kind="jwt",
        issuer=_first(found, ("iss",)),
        audience=_texts(found.get("aud"), spaced=False),
        scopes=scopes,
        roles=_texts(found.get("roles"), spaced=False),
        issued_at=_moment(found.get("iat")),
        not_before=_moment(found.get("nbf")),
        expires_at=_moment(found.get("exp")),
        tenant=_first(found, ("tid",)),
        user=user,
        application=application,
        object_id=_first(found, ("oid",)),
        app_only=_app_only(found, bool(scopes), subject, application, user),
        id_token=_is_id_token(header, found, scopes),
    )


_USER = ("upn", "preferred_username", "unique_name", "email", "username")
_APPLICATION = ("appid", "azp", "client_id", "cid")


def _app_only(
    found: Mapping[str, Any],
    scoped: bool,
    subject: str | None,
    application: str | None,
    user: str | None,
) -> bool | None:
    """Microsoft says it (``idtyp``), or by ``scp`` against ``roles``, or by the subject; RFC 9068
    section 2.2 by the subject.
    """
    if (kind := found.get("idtyp")) in ("app", "user"):
        return bool(kind == "app")
    if "scp" in found and scoped:
        return False
    if "tid" in found and found.get("roles") and user is None:
        return True
    if subject is not None and subject in (application, found.get("oid")) and "tid" in found:
        return True
    if subject is not None and subject == application:
        return True
    return False if user is not None else None


def _is_id_token(
    header: Mapping[str, Any], found: Mapping[str, Any], scopes: tuple[str, ...]
) -> bool:
    if scopes or "roles" in found or str(header.get("typ", "")).lower() == "at+jwt":
        return False
    return "at_hash" in found or "nonce" in found or "c_hash" in found


def _object(segment: str) -> dict[str, Any] | None:
    """A JSON object in base64url (RFC 7515 section 2), or None for anything else."""
    if not _SEGMENT.fullmatch(segment):
        return None
    bare = segment.rstrip("=")
    try:
        found = json.loads(urlsafe_b64decode(bare + "=" * (-len(bare) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    texts = (found.get(name) for name in names)
    return next((_short(text) for text in texts if isinstance(text, str) and text), None)


def _texts(value: Any, *, spaced: bool = True) -> tuple[str, ...]:
    """One text or a list of them; scopes stand in one with spaces between them."""
    if isinstance(value, str):
        listed: list[Any] = value.split() if spaced else [value]
    else:
        listed = value if isinstance(value, list) else []
    return tuple(_short(each) for each in listed[:MOST] if isinstance(each, str) and each)


def _short(text: str) -> str:
    text = printable(text[: SHOWN + 1])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _moment(value: Any) -> float | None:
    """A NumericDate (RFC 7519 section 2), if a date can show it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LAST else None


class Mistaken:
    """What is given for an access token, and is something else."""

    BEARER = "it begins with the word Bearer, which belongs to HTTP"
    REFRESH = "it is a refresh token of Google"
    CODE = "it is an authorization code of Google"
    SECRET = "it is a client secret of Google"  # noqa: S105  # words
    JSON = "it is the whole answer of the authorization server, not its access_token alone"


_MISTAKEN = (
    (re.compile(r"bearer\s", re.IGNORECASE), Mistaken.BEARER),
    (re.compile(r"1//0"), Mistaken.REFRESH),
    (re.compile(r"4/0A"), Mistaken.CODE),
    (re.compile(r"GOCSPX-"), Mistaken.SECRET),
    (re.compile(r"\s*\{\s*\""), Mistaken.JSON),
)


def mistaken(token: str) -> str | None:
    """What the text is in place of an access token, by how it begins; None if it may be one."""
    return next((words for begins, words in _MISTAKEN if begins.match(token)), None)


_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_guid(text: object) -> TypeGuard[str]:
    """Whether this is a text of the form of Microsoft's ids: of tenants, applications, secrets."""
    return isinstance(text, str) and _GUID.fullmatch(text) is not None
