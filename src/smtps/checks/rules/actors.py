"""Who has to act, where a code alone does not tell: a table.

It depends on where the fault is. A block list that refuses a client before any login is about the
client's address; one that refuses a client that has logged in is about the operator's settings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from smtps.advice import Who
from smtps.checks.facts import AddressFacts, Facts
from smtps.checks.finding import Finding
from smtps.errors import Failure, Phase

SUBMISSION = (465, 587, 2465, 2525, 2587)
"""Ports that are for logged-in clients alone (RFC 8314 section 3.3)."""

_BEFORE = (Phase.TLS, Phase.GREETING, Phase.EHLO)


class Case(NamedTuple):
    """What a finding is about.

    Attributes:
        facts: of the whole check.
        address: where it was seen, or None if no address was tried.
        failure: that it is the finding of, or None for what was answered to an envelope.
    """

    facts: Facts
    address: AddressFacts | None
    failure: Failure | None


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        codes: of the finding.
        when: what else has to be so.
        fix: what to do then; None leaves the fix as it is.
        who: has to do it.
    """

    codes: tuple[str, ...]
    when: Callable[[Case], bool]
    fix: str | None
    who: Who


def _logged_in(case: Case) -> bool:
    return case.address is not None and case.address.mechanism is not None


def _before_a_login(case: Case) -> bool:
    """Refused on a port for logged-in clients before a login was possible."""
    failure = case.failure
    early = failure is not None and failure.phase in _BEFORE
    return early and case.facts.port in SUBMISSION


def _elsewhere(case: Case) -> bool:
    """Whether another address of the server works."""
    return any(each.reached for each in case.facts.addresses if each is not case.address)


def _mail_domain(case: Case) -> bool:
    return bool(case.facts.mail_hosts)


def _beside(case: Case) -> str | None:
    """What became of the look at the other submission port: ``open``, ``closed`` or None."""
    look = case.address.looks.get("other port") if case.address is not None else None
    if look is None:
        return None
    return "open" if look.reached is not None else "closed"


_REFUSALS = ("smtp.blocklisted", "smtp.access_denied", "smtp.reverse_name_missing")
_TLS_ON_587 = (
    "If you operate the server, set up TLS for this port: a certificate and key that the server "
    "can read (Postfix: smtpd_tls_chain_files, smtpd_tls_security_level=encrypt for submission)."
)

ROWS = (
    Row(
        _REFUSALS,
        _logged_in,
        "The login was accepted, so the client's address should not matter. If you operate the "
        "server, let logged-in clients pass before block lists and checks of the address (Postfix: "
        "permit_sasl_authenticated first in the restrictions of the submission port). Otherwise "
        "report it to the operator.",
        Who.OPERATOR,
    ),
    Row(
        ("send.relaying_denied",),
        _logged_in,
        "The login was accepted, but does not count here. Only the operator can change that: in "
        "Postfix, put permit_sasl_authenticated first in smtpd_relay_restrictions of this port; "
        "behind a proxy, have the proxy pass the login on.",
        Who.OPERATOR,
    ),
    Row(
        ("send.greylisted",),
        _logged_in,
        "Sending again in a few minutes works. If you operate the server, do not greylist clients "
        "that have logged in (Postfix: permit_sasl_authenticated before the policy service).",
        Who.OPERATOR,
    ),
    Row(
        (*_REFUSALS, "smtp.greeting_refused", "smtp.greeting_timeout", "net.refused"),
        _elsewhere,
        "Other addresses of this server work. If you operate it, make the mail server listen and "
        "accept clients at this address too, or remove the address from DNS (A or AAAA record).",
        Who.OPERATOR,
    ),
    Row(
        ("smtp.blocklisted",),
        _before_a_login,
        "This port is for clients that log in, and the refusal came before a login was possible. "
        "If you operate the server, do not apply block lists on submission ports, or only to "
        "clients that have not logged in. Otherwise try from another network, or ask the list that "
        "the server names to remove this client's address.",
        Who.OPERATOR,
    ),
    Row(("smtp.access_denied",), _before_a_login, None, Who.OPERATOR),
    Row(("dns.no_address",), _mail_domain,
        "This is the domain of mail addresses, not a server. Check the domain's outgoing server "
        "instead: “smtps discover” with the domain finds it, and your provider's help page names "
        "it.", Who.YOU),
    Row(
        ("net.refused",),
        lambda case: _beside(case) == "closed",
        "Neither port 465 nor port 587 can be reached on this machine, so it does not accept mail "
        "from mail programs. Check the host name: your provider's help page has the outgoing "
        "server. If you operate the server, enable the listener for submission.",
        Who.YOU,
    ),
    Row(
        ("tls.starttls_not_offered",),
        lambda case: _beside(case) == "open" and case.facts.port == 587,
        f"Use port 465 with implicit TLS, which is open on this server. {_TLS_ON_587}",
        Who.OPERATOR,
    ),
    Row(
        ("tls.starttls_not_offered",),
        lambda case: _beside(case) == "closed",
        f"{_TLS_ON_587} Otherwise report it to the operator: without TLS, do not log in here.",
        Who.OPERATOR,
    ),
    Row(
        ("tls.timeout",),
        lambda case: case.facts.port in (465, 587)
        and case.facts.security != {465: "implicit", 587: "starttls"}[case.facts.port],
        None,
        Who.YOU,
    ),
)  # fmt: skip
"""The first row that fits counts."""


def assigned(finding: Finding, case: Case) -> Finding:
    """The same finding, for whoever has to act, with what that one can do."""
    for row in ROWS:
        if finding.code in row.codes and row.when(case):
            return finding.with_fix(row.fix, row.who)
    return finding


def place_of(facts: Facts, failure: Failure) -> AddressFacts | None:
    """The address where it failed."""
    return next((each for each in facts.addresses if failure in each.failures), None)
