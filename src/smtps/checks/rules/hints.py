"""Remedies that know more than the code: the port, the host, the login, and who is asked.

The advice of a code has to be true of every server. Here is what is true of this one. Two things no
remedy may do: break a port that works for others, and lead a password to another name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from smtps.checks.facts import Facts
from smtps.core.sasl import PASSWORD_ORDER, TOKEN_ORDER
from smtps.endpoint import security_of
from smtps.errors import Phase
from smtps.net.hostnames import literal
from smtps.providers import Provider, by_host

MAIL_EXCHANGE = 25

_WAYS = {"implicit": "implicit TLS", "starttls": "STARTTLS"}

_ABOUT_THE_PORT = frozenset(
    {
        "net.refused",
        "net.timeout",
        "tls.plaintext_on_tls_port",
        "tls.implicit_tls_port",
        "tls.timeout",
        "smtp.greeting_timeout",
    }
)
_ABOUT_THE_LOGIN = frozenset(
    {"auth.rejected", "auth.refused", "auth.no_common_mechanism", "auth.app_password_needed"}
)
"""Where the provider's own kind of login is likely to be the point. A token that was refused, or an
account that is locked, has a better remedy already."""

_PLAINTEXT = {
    25: "Port 25 is for mail between servers and starts in the clear: leave it as it is. To submit "
    "mail, use port 465 with implicit TLS, or 587 with STARTTLS.",
    465: "Use port 587 with STARTTLS. If you operate the server, make port 465 start with TLS: "
    "smtpd_tls_wrappermode=yes for that listener (Postfix), tls_on_connect_ports=465 (Exim).",
}
"""What to do about a port that talks SMTP in the clear where TLS was expected."""


class Moment(NamedTuple):
    """When something went wrong, which says more than what it was.

    Attributes:
        codes: of the failure.
        phases: in which it happened.
        fix: what to do then.
        security: how TLS began, or None for both ways.
    """

    codes: tuple[str, ...]
    phases: tuple[Phase, ...]
    fix: str
    security: str | None = None


_CUT = ("tls.closed", "net.closed_by_server", "net.reset")
_BACK_END = (
    "If you operate the server, check the service that verifies passwords (SASL, LDAP, database): "
    "the server waits for it, or fails on it. Otherwise try again later; the password may be "
    "correct."
)
_MOMENTS = (
    Moment(
        ("smtp.access_denied",),
        (Phase.GREETING, Phase.EHLO),
        "The refusal came before any login was possible. Try from another network, or ask the "
        "server's operator to allow this client's address; check host and port too, as a server "
        "that takes no mail here may reply this way.",
    ),
    Moment((*_CUT, "smtp.timeout", "smtp.reply_unfinished"), (Phase.AUTH,), _BACK_END),
    Moment(
        _CUT,
        (Phase.TLS,),
        "The server agreed to STARTTLS and then ended the connection. If you operate the server, "
        "check its log: usually it cannot read its certificate or key. Otherwise use port 465 with "
        "implicit TLS, if the server has it.",
        security="starttls",
    ),
    Moment(
        ("smtp.ehlo_refused", "smtp.out_of_sequence"),
        (Phase.EHLO,),
        "After STARTTLS, each client says EHLO again, and the server has to accept it (RFC 3207 "
        "section 4.2). If you operate the server, look for a proxy that does TLS without telling "
        "the server, or update the server. Otherwise use port 465 with implicit TLS, if the server "
        "has it.",
        security="starttls",
    ),
)


def _moment(facts: Facts, code: str) -> str | None:
    for address in facts.addresses:
        for failure in address.failures:
            if failure.code != code:
                continue
            for moment in _MOMENTS:
                fits = code in moment.codes and failure.phase in moment.phases
                behind_tls = moment.security is None or facts.security == moment.security
                if fits and behind_tls and (failure.phase is not Phase.EHLO or address.secured):
                    return moment.fix
    return None


def hint(facts: Facts, code: str) -> str | None:
    """A remedy for this server, or None if the general one is as good."""
    return next(filter(None, (knows(facts, code) for knows in _BY_SUBJECT)), None)


def provider_of(facts: Facts) -> Provider | None:
    """The provider whose server was asked for by name; 127.0.0.1 can be anybody's."""
    return by_host(facts.host) if literal(facts.host) is None else None


def _password(facts: Facts, code: str) -> str | None:
    if code != "auth.rejected" or facts.password_is_ascii:
        return None
    return (
        "Check both. The password has non-ASCII characters, which were sent as UTF-8; a server "
        "that stored them in another encoding refuses it: try a password of ASCII characters only."
    )


def _exchange(facts: Facts, code: str) -> str | None:
    if code != "auth.not_offered" or facts.port != MAIL_EXCHANGE:
        return None
    return (
        "Port 25 is for mail between servers and does not accept logins: log in on port 465 with "
        "implicit TLS, or on 587 with STARTTLS."
    )


def _login(facts: Facts, code: str) -> str | None:
    if code not in _ABOUT_THE_LOGIN or facts.token or (provider := provider_of(facts)) is None:
        return None
    return f"{provider.name} requires this login: {provider.login}"


_KERBEROS = (
    "{name} needs a Kerberos ticket of the organization's network, which this client cannot use"
)
_NEEDS = {
    "XOAUTH2": "{name} needs an access token (OAuth 2) in place of a password",
    "OAUTHBEARER": "{name} needs an access token (OAuth 2) in place of a password",
    "EXTERNAL": "{name} is a login by TLS client certificate (--client-cert, --mechanism EXTERNAL)",
    "GSSAPI": _KERBEROS,
    "GS2-KRB5": _KERBEROS,
    "GSS-SPNEGO": _KERBEROS,
    "KERBEROS_V4": _KERBEROS,
    "KERBEROS_V5": _KERBEROS,
    "NTLM": "{name} is the login of Windows domains, which this client does not have",
    "DIGEST-MD5": "{name} is obsolete (RFC 6331), and this client does not have it",
}
"""Mechanism → what it takes to log in by it."""


def without_passwords(offered: tuple[str, ...]) -> str:
    """What to do at a server whose mechanisms take no password that this client could send."""
    known: dict[str, list[str]] = {}
    for name in offered:
        words = _NEEDS.get(name.upper(), "{name} is not a login that this client has")
        known.setdefault(words, []).append(name)
    needs = "; ".join(words.format(name=" or ".join(names)) for words, names in known.items())
    return (
        f"{needs}. With a password, use another port or server that offers PLAIN or LOGIN, or ask "
        "the operator to enable PLAIN over TLS here."
    )


def _mechanism(facts: Facts, code: str) -> str | None:
    """A login that none of the offered mechanisms is for."""
    offers = (a.capabilities.auth for a in facts.addresses if a.login_failure and a.capabilities)
    offered = next(offers, ())
    if code != "auth.no_common_mechanism" or not offered:
        return None
    kind, others = (TOKEN_ORDER, PASSWORD_ORDER) if facts.token else (PASSWORD_ORDER, TOKEN_ORDER)
    if facts.mechanism is not None and set(offered) & set(kind):
        return f"Leave out the mechanism {facts.mechanism}: the server offers {', '.join(offered)}."
    if facts.token and set(offered) & set(others):
        return (
            f"This server takes passwords ({', '.join(offered)}) and no access tokens: give the "
            "password of the account, or an app password."
        )
    if any("," in name for name in offered):
        return (
            "The server separates its login mechanisms by commas, so clients take them for one. If "
            "you operate the server, separate them by spaces (RFC 4954 section 3)."
        )
    return without_passwords(offered)


def _order(_facts: Facts, code: str) -> str | None:
    return _IN_TURN if code == "smtp.out_of_sequence" else None


_IN_TURN = (
    "smtps sent one command at a time and waited for each reply, so the server has lost track of "
    "the session. If you operate the server, look for a proxy or firewall in front of it that "
    "answers commands itself or changes servers in the middle of a session; otherwise report the "
    "transcript to the operator."
)


def _place(facts: Facts, code: str) -> str | None:
    return provided_at(facts) if code in _ABOUT_THE_PORT else None


def provided_at(facts: Facts) -> str | None:
    """Where a known provider takes mail, if that is not the port that was asked."""
    if (provider := provider_of(facts)) is None:
        return None
    listed = {(provider.port, provider.security)}
    listed |= {(place.port, place.security) for place in provider.alternatives}
    if (facts.port, facts.security) in listed:
        return None
    return (
        f"{provider.name} accepts mail at {provider.host} port {provider.port} with "
        f"{_WAYS[provider.security]}."
    )


def _port(facts: Facts, code: str) -> str | None:
    if code == "tls.plaintext_on_tls_port":
        return _PLAINTEXT.get(facts.port) or _other_way(facts, "starttls")
    usual = security_of(facts.port)
    if code == "tls.timeout" and facts.security != usual and facts.port in (465, 587):
        return f"Port {facts.port} is for {_WAYS[usual]}: {_selecting(facts, usual)}."
    return _other_way(facts, "implicit") if code == "tls.implicit_tls_port" else None


def _other_way(facts: Facts, security: str) -> str:
    """The same port, with TLS begun as the server has shown."""
    return f"This port works with {_WAYS[security]}: {_selecting(facts, security)}."


def _selecting(facts: Facts, security: str) -> str:
    """How to select a way to begin TLS."""
    by_itself = security_of(facts.port) == security
    option = "leave out --security and --starttls" if by_itself else f"add --security {security}"
    setting = "leave out security" if by_itself else f'set security = "{security}"'
    return f"on the command line, {option}; in a configuration or a request, {setting}"


_BY_SUBJECT: tuple[Callable[[Facts, str], str | None], ...] = (
    _password,
    _exchange,
    _login,
    _mechanism,
    _moment,
    _order,
    _place,
    _port,
)
"""The first that knows something counts."""
