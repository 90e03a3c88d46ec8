"""Why a server refused an access token: a table of faults, the first that fits counts.

What a token says of itself is not trusted. It is asked only once the server has refused the token:
one that works is never found fault with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from smtps.advice import Severity
from smtps.checks.facts import AddressFacts, Facts
from smtps.checks.finding import Finding
from smtps.checks.rules import exchange_online
from smtps.checks.token_facts import (
    Challenge,
    TokenFacts,
    challenge_of,
    covers,
    moment,
    same_resource,
)
from smtps.errors import Failure
from smtps.oauth.claims import Claims

SKEW = 60.0
"""Seconds that two clocks may differ."""

HOUR, DAY = 3600.0, 86400.0
"""Seconds."""

REFUSED = frozenset({"auth.token_rejected", "auth.rejected", "auth.refused"})
"""Failures of a login whose reply leaves the reason to the token."""

OTHERS = {
    "https://graph.microsoft.com": "Microsoft Graph",
    "00000003-0000-0000-c000-000000000000": "Microsoft Graph",
    "https://microsoftgraph.chinacloudapi.cn": "Microsoft Graph",
    "https://graph.windows.net": "Azure AD Graph",
    "00000002-0000-0000-c000-000000000000": "Azure AD Graph",
    "https://management.azure.com": "Azure Resource Manager",
    "https://management.core.windows.net": "Azure Resource Manager",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013": "Azure Resource Manager",
}
"""Audiences that are no mail server's."""


class Case(NamedTuple):
    """A token that was refused.

    Attributes:
        token: what is known of it.
        claims: what it says of itself; empty where it cannot be read.
        failure: the refusal.
        challenge: what the server said of it, if it did.
        now: seconds since 1970.
    """

    token: TokenFacts
    claims: Claims
    failure: Failure
    challenge: Challenge | None
    now: float

    @property
    def app_only(self) -> bool | None:
        """Whether a program got it without a person, by the token or else by the grant."""
        if self.claims.app_only is not None:
            return self.claims.app_only
        return self.token.provenance.by_program


class Fault(NamedTuple):
    """A row of the table.

    Attributes:
        code: of the finding.
        seen: the evidence in a case, as a clause; None where the fault is not there.
    """

    code: str
    seen: Callable[[Case], str | None]


def _mistaken(case: Case) -> str | None:
    if case.token.mistaken is not None:
        return case.token.mistaken
    return "it is an ID token, made for the client" if case.claims.id_token else None


def _expired(case: Case) -> str | None:
    for source, end in (("", case.claims.expires_at),
                        ("its server said that ", case.token.provenance.expires_at)):  # fmt: skip
        if end is not None and end <= case.now:
            return f"{source}it expired at {moment(end)}; this computer's time is " + moment(
                case.now
            )
    return None


def _early(case: Case) -> str | None:
    begins = [at for at in (case.claims.not_before, case.claims.issued_at) if at is not None]
    if begins and max(begins) > case.now + SKEW:
        return f"it is valid from {moment(max(begins))}; this computer's time is {moment(case.now)}"
    return None


def _audience(case: Case) -> str | None:
    audience = case.claims.audience
    if not audience:
        return None
    names = [OTHERS.get(each.rstrip("/").casefold()) for each in audience]
    known = case.token.provider.audiences if case.token.provider is not None else ()
    fits = any(same_resource(each, other) for each in audience for other in known)
    if fits or not (known or all(names)):
        return None
    shown = [
        f"{each} ({name})" if name else each for each, name in zip(audience, names, strict=True)
    ]
    due = f", not for {known[0]}" if known else ""
    return f"it is for {', '.join(shown)}{due}"


def _permission(case: Case) -> str | None:
    """A program's token without the permission for programs, or a person's with it."""
    if (role := case.token.role) is None or not case.claims.readable:
        return None
    scope = case.token.wanted[0].rpartition("/")[2] if case.token.wanted else "the scope"
    if case.app_only:
        if role in case.claims.roles:
            return None
        had = f"its roles are {', '.join(case.claims.roles)}" if case.claims.roles else (
            "it has no roles")  # fmt: skip
        return f"it is an application's own, and {had}, not {role}; {scope} is for people's logins"
    if any(covers(each, role) for each in case.token.scopes) or role in case.claims.roles:
        if any(covers(each, wanted) for each in case.token.scopes for wanted in case.token.wanted):
            return None
        return f"it is a person's, and has {role}, which is for applications; {scope} is needed"
    return None


def _scope(case: Case) -> str | None:
    wanted, scopes = case.token.wanted, case.token.scopes
    asked = case.challenge.scopes if case.challenge is not None else ()
    short = case.challenge is not None and case.challenge.status == "insufficient_scope"
    if case.app_only and case.token.role is not None and not short:
        return None
    lacks = bool(scopes and wanted) and not _any(scopes, wanted)
    if asked and scopes and not _any(scopes, asked):
        return f"its scopes are {' '.join(scopes)}; the server requires {' '.join(asked)}"
    if lacks:
        return f"its scopes are {' '.join(scopes)}, not {' '.join(wanted)}"
    if short:
        due = f": it requires {' '.join(asked)}" if asked else ""
        return f"the server says that its scope is insufficient{due}"
    return None


def _any(scopes: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return any(covers(scope, each) for scope in scopes for each in wanted)


def _user(case: Case) -> str | None:
    user, name = case.token.user, case.token.username
    if case.app_only or user is None or not name:
        return None
    if user.casefold() == name.casefold() or ("@" in name) != ("@" in user):
        return None
    return f"it is {user}'s, and the login name is {name}"


def _service_principal(case: Case) -> str | None:
    sound = case.token.role is not None and case.token.role in case.claims.roles and case.app_only
    if not sound or not exchange_online.says_no_more(case.failure):
        return None
    return (
        f"nothing wrong is seen in it: it is an application's own, with {case.token.role}, and "
        f"expires at {_until(case)}"
    )


def _issuer(case: Case) -> str | None:
    """Another authorization server than the one that the mail server names."""
    place = case.challenge.configuration if case.challenge is not None else None
    if place is None or case.claims.issuer is None:
        return None
    wanted, found = urlsplit(place).hostname, urlsplit(case.claims.issuer).hostname
    if wanted is None or found is None or wanted == found:
        return None
    return f"it is from {case.claims.issuer}; the server accepts those of {wanted} ({place})"


def _sound(case: Case) -> str | None:
    """Nothing wrong, where enough can be read to say so."""
    read = case.claims
    if not read.readable or read.expires_at is None or not (read.audience or case.token.scopes):
        return None
    parts = [f"expires at {_until(case)}"]
    if read.audience:
        parts.append(f"audience {', '.join(read.audience)}")
    if case.token.scopes or read.roles:
        parts.append(f"scopes or roles {' '.join((*case.token.scopes, *read.roles))}")
    if read.user is not None:
        parts.append(f"user {read.user}")
    return f"nothing wrong is seen in it ({'; '.join(parts)})"


def _until(case: Case) -> str:
    end = case.token.expires_at
    return moment(end) if end is not None else "an unknown time"


FAULTS = (
    Fault("oauth.not_an_access_token", _mistaken),
    Fault("oauth.token_expired", _expired),
    Fault("oauth.token_not_yet_valid", _early),
    Fault("oauth.wrong_issuer", _issuer),
    Fault("oauth.wrong_audience", _audience),
    Fault("oauth.app_permission", _permission),
    Fault("oauth.wrong_scope", _scope),
    Fault("oauth.other_user", _user),
    Fault("oauth.app_not_in_mailbox", _service_principal),
    Fault("oauth.sound_token_refused", _sound),
)
"""In the order in which a server would have to mind them."""

_NOTHING = Claims(kind="opaque")

FIXES = {
    "auth.disabled_by_admin": "Ask the administrator to allow SMTP AUTH for the mailbox: a login "
    "with an access token needs it, too.",
    "auth.conditional_access": "Ask the administrator which policy blocks the login: the sign-in "
    "log of Entra names it (Conditional Access, security defaults).",
}
"""Remedies of other refusals, where a token was refused and no password."""


def explained(
    token: TokenFacts, failure: Failure, now: float, *, address: str = ""
) -> Finding | None:
    """Why a server refused a token, or None if the token does not say.

    Args:
        token: what is known of it.
        failure: the refusal.
        now: seconds since 1970.
        address: of the server.
    """
    if failure.code in FIXES:
        found = Finding.from_failure(failure).with_fix(FIXES[failure.code])
        return exchange_online.with_commands(found, token)
    if failure.code not in REFUSED:
        return None
    case = Case(token, token.claims or _NOTHING, failure, challenge_of(failure.seen), now)
    for fault in FAULTS:
        if (seen := fault.seen(case)) is not None:
            words = f"{address}: " if address else ""
            words += f"the access token was refused ({_reply(failure)}): {seen}"
            found = Finding.of(fault.code, words).explaining(failure)
            return exchange_online.with_commands(found, token)
    return Finding.from_failure(failure).with_fix(_remedy(case.challenge))


def _reply(failure: Failure) -> str:
    return " ".join((str(failure.smtp_code or ""), *failure.lines)).strip()


_UNREADABLE = (
    "Get a new token, for the mail server and the login name. The server gives no reason, and the "
    "token cannot be judged from here: if it is new, ask the server's operator."
)


def _remedy(challenge: Challenge | None) -> str:
    """What the server itself asks for, if it does."""
    if challenge is None or not (challenge.scopes or challenge.configuration):
        return _UNREADABLE
    scope = f" with the scope {' '.join(challenge.scopes)}" if challenge.scopes else ""
    place = challenge.configuration
    where = f" from the authorization server whose metadata is at {place}" if place else ""
    return f"Get a new access token{scope}{where}: that is what the server asks for."


def refusals(facts: Facts) -> Iterator[Finding]:
    """Why tokens were refused."""
    if facts.access_token is None:
        return
    for address in facts.addresses:
        if (failure := address.login_failure) is not None:
            found = explained(
                facts.access_token, failure, facts.now.timestamp(), address=address.address
            )
            if found is not None:
                yield found


def prospects(facts: Facts) -> Iterator[Finding]:
    """What will end a login that works, before it does."""
    if facts.access_token is not None and any(map(_logged_in, facts.addresses)):
        yield from ahead(facts.access_token)


def _logged_in(address: AddressFacts) -> bool:
    return address.mechanism is not None


def ahead(token: TokenFacts) -> Iterator[Finding]:
    """The same of one token."""
    known = token.provenance
    if known.renewable is False and known.by_program is False:
        end = known.expires_at
        when = f"at {moment(end)}" if end is not None else "with its access token"
        seen = f"the login ends {when}"
        yield Finding.of("oauth.no_refresh_token", seen, severity=Severity.WARNING)
    elif in_testing(token):
        assert known.refresh_expires_at is not None
        seen = f"the refresh token expires at {moment(known.refresh_expires_at)}"
        yield Finding.of("oauth.testing", seen, severity=Severity.WARNING)


def in_testing(token: TokenFacts) -> bool:
    """Whether the provider has given the login as many days as it does while a client is tested."""
    known, form = token.provenance, token.provider
    if known.refresh_expires_at is None or known.logged_in_at is None:
        return False
    if form is None or form.test_days is None:
        return False
    return abs(known.refresh_expires_at - known.logged_in_at - form.test_days * DAY) < HOUR
