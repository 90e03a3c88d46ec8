"""The words that reports for people share, whatever their form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from smtps.advice import Severity, Who
from smtps.checks.clients import fare
from smtps.checks.evidence import read_staple
from smtps.checks.facts import AddressFacts, Certificate, Facts
from smtps.checks.probes import DEEP_LOOKS, Probe
from smtps.checks.verdict import Verdict
from smtps.core.capabilities import Capabilities
from smtps.net.server_hello import stapled

if TYPE_CHECKING:
    from smtps.checks.dns_facts import Names
    from smtps.checks.route import Discovery
    from smtps.checks.token_facts import TokenFacts

CAPABILITY: dict[str, str] = {
    "8BITMIME": "accepts 8-bit text unencoded",
    "ATRN": "hands over waiting mail",
    "BINARYMIME": "accepts binary attachments unencoded",
    "BURL": "can fetch the message from an IMAP server",
    "CHUNKING": "accepts messages in chunks (BDAT), faster for large ones",
    "DELIVERBY": "accepts a deadline for delivery",
    "DSN": "can report whether the mail was delivered",
    "ENHANCEDSTATUSCODES": "adds a precise status code to each reply",
    "ETRN": "can be asked to send waiting mail",
    "EXPN": "lists the members of mailing lists",
    "FUTURERELEASE": "can hold a message until a given time",
    "HELP": "offers help texts",
    "LIMITS": "states its limits for a session",
    "MT-PRIORITY": "accepts a priority for a message",
    "PIPELINING": "accepts several commands at once, so sending is faster",
    "REQUIRETLS": "can guarantee TLS on every hop",
    "RRVS": "can check that a mailbox has not changed owners",
    "SMTPUTF8": "accepts addresses in any script",
    "STARTTLS": "can switch to TLS",
    "VRFY": "reports whether a mailbox exists",
    "XCLIENT": "lets trusted clients act for others",
}


MECHANISM = {
    "PLAIN": "a password",
    "LOGIN": "a password",
    "EXTERNAL": "a client certificate",
    "GSSAPI": "Kerberos",
    "NTLM": "Windows login",
    "CRAM-MD5": "a hashed password",
    "DIGEST-MD5": "a hashed password",
    "SCRAM-SHA-1": "a proof of the password",
    "SCRAM-SHA-1-PLUS": "a proof of the password",
    "SCRAM-SHA-256": "a proof of the password",
    "SCRAM-SHA-256-PLUS": "a proof of the password",
    "XOAUTH2": "an access token",
    "OAUTHBEARER": "an access token",
}
"""What each login mechanism takes as proof."""


def capability_label(keyword: str, capabilities: Capabilities) -> str:
    """What a capability means, in a few words; empty for one that nobody has described."""
    if keyword == "SIZE":
        size = capabilities.size
        return (
            "accepts messages of any size"
            if size is None
            else f"accepts messages up to {_size(size)}"
        )
    if keyword == "AUTH":
        return (
            "the login mechanisms that it accepts"
            if capabilities.auth
            else "accepts logins, but names no mechanism"
        )
    return CAPABILITY.get(keyword, "")


def _size(octets: int) -> str:
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= power:
            return f"{octets / power:.1f}".removesuffix(".0") + f" {unit}"
    return f"{octets} bytes"


VERDICT = {
    Verdict.WORKS: "works",
    Verdict.WARNINGS: "works, with warnings",
    Verdict.FAILS: "does not work",
    Verdict.UNKNOWN: "could not be determined from this network",
    Verdict.LATER: "the server asks clients to retry later",
}
SEVERITY = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Note"}
VERDICT_IN_BRIEF = {
    Verdict.WORKS: "works",
    Verdict.WARNINGS: "with warnings",
    Verdict.FAILS: "does not work",
    Verdict.UNKNOWN: "unclear",
    Verdict.LATER: "retry later",
}
"""For a table or a card, where several ports stand side by side."""
AUDIENCE = {
    Who.YOU: "you",
    Who.OPERATOR: "the server's operator",
    Who.NETWORK: "your network's administrator",
}
SECURITY = {"implicit": "implicit TLS", "starttls": "STARTTLS"}
PHASE = {
    "dns": "Name look-up",
    "tcp": "Connection",
    "tls": "TLS",
    "greeting": "Greeting",
    "ehlo": "EHLO",
    "auth": "Login",
    "looks": "Further connections",
    "token": "Access token",
}


def place(facts: Facts) -> str:
    """Port and kind of TLS, if there was a server to ask."""
    if facts.discovery is not None and not facts.discovery.servers:
        return "no server was found"
    return f"port {facts.port}, {SECURITY[facts.security]}"


def about_login(facts: Facts) -> str | None:
    """That no login was tried, where one might believe that it was, or at which addresses it was
    not; else None.
    """
    best = facts.best
    if best is None or not best.reached:
        return None
    if not facts.wanted_login:
        return "No login was tried."
    left_out = [each.address for each in facts.addresses if each.login_withheld]
    if not left_out:
        return None
    failed_at = next(each.login_withheld for each in facts.addresses if each.login_withheld)
    why = _AT_EACH_TOKEN if facts.token else _AT_EACH_PASSWORD
    return f"The login was not tried at {', '.join(left_out)}: it failed at {failed_at}, and {why}"


_AT_EACH_PASSWORD = "the same wrong password at each address could lock the account."  # noqa: S105
_AT_EACH_TOKEN = "the others would be given the same access token."  # noqa: S105


def remarks(address: AddressFacts, facts: Facts) -> dict[str, str]:
    """Phase → what came out of it, in a few words, where there is something to tell."""
    tls = address.tls
    found = {}
    if tls is not None and tls.version is not None:
        trust = "certificate verified" if tls.verified else "certificate not verified"
        words = (tls.version, tls.cipher, tls.group, trust)
        found["tls"] = ", ".join(word for word in words if word)
    if address.greeting is not None:
        found["greeting"] = str(address.greeting)
    if address.ehlo_name is not None:
        found["ehlo"] = f"as {address.ehlo_name}"
    if facts.access_token is not None and facts.access_token.claims is not None:
        found["token"] = f"from {ORIGIN[facts.access_token.provenance.origin]}"
    if address.mechanism is not None:
        found["auth"] = f"logged in by {address.mechanism}"
    elif address.login_failure is not None:
        phase = "token" if address.login_failure.phase == "token" else "auth"
        found[phase] = address.login_failure.message
    elif address.login_withheld is not None:
        found["auth"] = f"not tried, because it failed at {address.login_withheld}"
    if address.looks:
        number = len(address.looks)
        found["looks"] = f"{number} further connection{'s' if number != 1 else ''}"
    return found


def certificate_rows(certificate: Certificate, facts: Facts) -> dict[str, str]:
    """Label → text of what people want to know of a certificate."""
    names = certificate.names
    begins, ends = certificate.not_before, certificate.not_after
    days = certificate.days_left(facts.now)
    left = f"{days} days left" if days >= 0 else f"expired {-days} days ago"
    return {
        "for": ", ".join(names[:6]) + (" …" if len(names) > 6 else ""),
        "issuer": certificate.issuer,
        "valid": f"{begins:%Y-%m-%d} to {ends:%Y-%m-%d}, {left}",
        "key": f"{certificate.key}, signed with {certificate.signature}",
        "SHA-256": certificate.fingerprint_sha256,
    }


def looked(address: AddressFacts) -> dict[str, str]:
    """What the second looks tell: question, or name of the look → answer."""
    looks = address.looks
    found = {
        name: f"{look.outcome} ({look.milliseconds:.0f} ms)"
        for name, look in looks.items()
        if name not in DEEP_LOOKS
    }
    versions = [looks[name] for name in DEEP_LOOKS if name.startswith("TLSv") and name in looks]
    if versions:
        taken = ", ".join(look.name for look in versions if look.secured)
        left = ", ".join(look.name for look in versions if not look.secured)
        others = "undetermined for" if address.unsteady else "refuses"
        found["versions"] = f"accepts {taken or 'none'}" + (f"; {others} {left}" if left else "")
    weak = [
        str(look.tls.cipher)
        for name, look in looks.items()
        if name.endswith("ciphers") and look.secured and look.tls
    ]
    if "old ciphers" in looks:
        found["weak"] = ", ".join(weak) or "no weak cipher accepted"
    if (look := looks.get("resumption")) is not None:
        resumed = look.tls is not None and look.tls.resumed
        found["resumption"] = "sessions can be resumed" if resumed else "none"
    if (look := looks.get("large")) is not None:
        found["large hello"] = look.outcome
    if (look := looks.get("staple")) is not None:
        found["staple"] = _stapled(look)
    return found


def _stapled(look: Probe) -> str:
    if (der := stapled(look.heard)) is not None:
        staple = read_staple(der)
        until = f", until {staple.until:%Y-%m-%d %H:%M} UTC" if staple.until else ""
        return f"OCSP response: {staple.status}{until}"
    if look.flight.whole:
        return "no OCSP response"
    return "not known: an OCSP response is visible only with TLS 1.2"


def details(facts: Facts) -> Iterator[tuple[str, dict[str, str]]]:
    """What was asked beyond a usual check and what came of it: title, and label → text."""
    best = facts.best
    sections: list[tuple[str, dict[str, str]]] = []
    if best is not None:
        sections += [
            ("Login, by each mechanism", _logins(best)),
            ("Envelope (no mail was sent)", _envelope(best)),
            ("Fails for clients", {c.name: c.why for c in fare(best) if c.why is not None}),
        ]
    if facts.access_token is not None:
        read = facts.access_token.claims
        title = f"Access token{UNCHECKED if read is not None and read.readable else ''}"
        sections.append((title, token_rows(facts.access_token)))
    sections += [("DNS", _names(facts.dns)), ("How the server was found", _route(facts.discovery))]
    for title, rows in sections:
        if rows:
            yield title, rows


ORIGIN: dict[str, str] = {
    "environment": "an environment variable",
    "request": "the request",
    "given": "the caller",
    "source": "the caller's source of tokens",
    "store": "the stored login",
    "renewed": "the stored login, renewed for this check",
    "client_credentials": "the authorization server, for the application itself",
    "jwt_bearer": "the authorization server, for the service account",
}
UNCHECKED = " (its signature was not checked)"
_KIND = {
    "jwt": "a JWT",
    "encrypted": "an encrypted JWT: only the server can read it",
    "opaque": "opaque: only the server can read it",
}


def token_rows(token: TokenFacts) -> dict[str, str]:
    """Label → text of what is known of an access token."""
    found, read = token.as_json(), token.claims
    spent, unread = token.milliseconds, read.unread if read is not None else None
    rows = {
        "from": ORIGIN[token.provenance.origin] + (f", in {spent:.1f} ms" if spent else ""),
        "kind": _KIND[read.kind] if read is not None else "",
    }
    if unread is not None:
        rows["kind"] += f", but {unread}"
    for label, name in _CLAIMS.items():
        value = found[name]
        rows[label] = ", ".join(value) if isinstance(value, list) else value or ""
    if token.provenance.renewable is not None:
        rows["renewal"] = "by a refresh token" if token.provenance.renewable else _UNRENEWED[
            bool(token.provenance.by_program)]  # fmt: skip
    return {label: text for label, text in rows.items() if text}


_CLAIMS = {
    "issuer": "issuer",
    "audience": "audience",
    "scopes": "scopes",
    "roles": "roles",
    "valid from": "not_before",
    "expires": "expires_at",
    "user": "user",
    "application": "application",
    "tenant": "tenant",
}
"""Label → key of the token's JSON."""

_UNRENEWED = {
    True: "the application requests another one",
    False: "none: there is no refresh token",
}


def _logins(best: AddressFacts) -> dict[str, str]:
    return {
        name: "accepted" if failure is None else failure.message
        for name, failure in best.mechanisms.items()
    }


def _route(found: Discovery | None) -> dict[str, str]:
    return {step.asked: str(step) for step in found.steps} if found else {}


def _names(found: Names | None) -> dict[str, str]:
    if found is None:
        return {}
    rows = {"asked": found.resolver or "no answer"}
    if found.canonical is not None:
        rows["CNAME"] = found.canonical
    for address, name in found.reverse.items():
        words = ", ".join(name.names) or "no name"
        rows[address] = words + ("" if name.confirmed or not name.names else ", not confirmed")
    if found.tlsa:
        vouched = "" if found.authenticated else " (not signed, so it is ignored)"
        rows["TLSA"] = "; ".join(str(record) for record in found.tlsa) + vouched
    return rows


def _envelope(best: AddressFacts) -> dict[str, str]:
    asked = best.asked
    if asked is None:
        return {}
    found = {f"from <{asked.sender}>": str(asked.mail_reply)} if asked.mail_reply else {}
    return found | {f"to <{who}>": str(reply) for who, reply in asked.recipients}
