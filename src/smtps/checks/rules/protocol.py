"""Greeting, EHLO, the form of replies, logins, message sizes, sender and recipients."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.advice import Severity
from smtps.checks.facts import AddressFacts, Facts, Limit, limits, too_large
from smtps.checks.finding import Finding
from smtps.checks.relaying import domain_of
from smtps.checks.rules.actors import Case, assigned
from smtps.checks.rules.hints import MAIL_EXCHANGE, hint, without_passwords
from smtps.client.login import in_vain
from smtps.client.result import BEHIND_A_LOGIN, meaning
from smtps.core.reply import Quirk
from smtps.core.sasl import PASSWORD_ORDER
from smtps.errors import Phase

_REFUSED = "smtp.ehlo_name_refused"

LATE_GREETING = 4000.0
"""Milliseconds. Several clients wait 5 seconds, some of them counted from the connection on."""


def late_greeting(facts: Facts) -> Iterator[Finding]:
    """A greeting that comes, but so late that other programs have gone."""
    for address in facts.addresses:
        waited = address.timings.get("greeting", 0.0)
        greeted = address.greeting is not None and address.greeting.positive
        if greeted and waited >= LATE_GREETING:
            yield Finding.of(
                "smtp.greeting_late",
                f"{address.address}: the greeting came after {waited / 1000:.1f} seconds",
            )


SLOW = 10_000.0
"""Milliseconds in one phase. Programs give up on a server after 10 to 30 seconds."""

ROUND_TRIPS = 10
"""A phase that takes less than so many connections is as slow as the network, not the server."""

_SLOW = {"auth": "auth.slow", "ehlo": "smtp.slow", "rcpt": "smtp.slow"}
_DOING = {"auth": "the login", "ehlo": "the reply to EHLO", "rcpt": "the replies to MAIL and RCPT"}


def slow_replies(facts: Facts) -> Iterator[Finding]:
    """Replies that come, but so late that other programs have gone."""
    for address in facts.addresses:
        least = max(SLOW, ROUND_TRIPS * address.timings.get("tcp", 0.0))
        for phase, code in _SLOW.items():
            spent = address.timings.get(phase, 0.0)
            answered = address.mechanism is not None if phase == "auth" else address.reached
            if answered and spent >= least:
                yield Finding.of(
                    code, f"{address.address}: {_DOING[phase]} took {spent / 1000:.1f} seconds"
                )


def old_form(facts: Facts) -> Iterator[Finding]:
    """Logins offered only in a form from before the standard, which few programs read."""
    for address in facts.addresses:
        offer = address.capabilities
        lines = [line.upper() for line in offer.lines] if offer is not None else []
        old = next((line for line in lines if line.startswith("AUTH=")), None)
        if old is not None and not any(line.startswith("AUTH ") for line in lines):
            yield Finding.of("auth.old_form", f"{address.address}: 250-{old}")


def client_name(facts: Facts) -> Iterator[Finding]:
    """``portofcall`` is not a host name; a few servers mind."""
    for address in facts.addresses:
        asked = address.asked.refusals if address.asked is not None else ()
        in_vain = any(meaning(phase, reply) == _REFUSED for phase, _, reply in asked)
        if address.ehlo_name_refused and not in_vain:
            yield Finding.of(
                "smtp.ehlo_name_replaced",
                f"{address.address}: accepted {address.ehlo_name} instead",
            )


_FOR_WANT_OF_EHLO = ("tls.starttls_not_offered", "auth.not_offered")


def only_helo(facts: Facts) -> Iterator[Finding]:
    """A server of the kind of 1982, which has no extensions (RFC 5321 section 2.2.1)."""
    for address in facts.addresses:
        if address.ehlo_refusal is None or address.capabilities is None:
            continue
        if any(each.code == "tls.starttls_masked" for each in address.failures):
            continue  # the firewall that overwrites replies does that, too
        lacking = next((f for f in address.failures if f.code in _FOR_WANT_OF_EHLO), None)
        seen = f"{address.address}: EHLO was answered with {address.ehlo_refusal}; HELO was taken"
        severity = Severity.WARNING if lacking is None else Severity.ERROR
        yield Finding.of("smtp.no_ehlo", seen, severity=severity).explaining(lacking)


_QUIRKS = {
    Quirk.BARE_LF: "lines end with LF alone, not with CR LF (bare_lf)",
    Quirk.LONG_LINE: "lines of more than 512 bytes (long_line)",
    Quirk.NON_ASCII: "characters beyond ASCII (non_ascii)",
    Quirk.CONTROL_CHARACTER: "control characters inside a line (control_character)",
    Quirk.ODD_CODE: "a reply code whose second digit is above 5 (odd_code)",
    Quirk.MIXED_CODES: "different codes within one reply (mixed_codes)",
}


def strange_replies(facts: Facts) -> Iterator[Finding]:
    """Leniencies that the server's replies needed."""
    for address in facts.addresses:
        if address.quirks:
            words = ", ".join(_QUIRKS[quirk] for quirk in sorted(address.quirks))
            yield Finding.of("smtp.nonstandard_replies", f"{address.address}: {words}")


def refusals(facts: Facts) -> Iterator[Finding]:
    """One finding for the sender, and one for each recipient that is refused."""
    for address in facts.addresses:
        if address.asked is None:
            continue
        if address.asked.failure is not None:
            yield Finding.from_failure(address.asked.failure)
        for phase, who, reply in address.asked.refusals:
            if reply.code == 421 and address.failure is not None:
                continue  # which is the failure
            code = meaning(phase, reply)
            if code == "smtp.access_denied" and _nobody_logged_in(facts, address):
                code = "send.login_required"
            if address.mechanism is not None:
                code = BEHIND_A_LOGIN.get(code, code)
            seen = f"{address.address}: <{who}>: {reply}"
            found = Finding.of(code, seen).with_fix(hint(facts, code))
            yield assigned(found, Case(facts, address, None))


def _nobody_logged_in(facts: Facts, address: AddressFacts) -> bool:
    """Whether a login was offered and not used: that is what a bare "access denied" means then."""
    offer = address.capabilities
    return not facts.wanted_login and offer is not None and bool(offer.auth)


def open_relay(facts: Facts) -> Iterator[Finding]:
    """Mail accepted for other domains without a login."""
    if facts.wanted_login:
        return
    for address in facts.addresses:
        recipients = address.asked.recipients if address.asked else ()
        taken = [
            f"<{who}>"
            for who, reply in recipients
            if reply.positive and domain_of(who) in facts.foreign_domains
        ]
        if taken:
            seen = (
                f"{address.address}: accepts mail for {', '.join(taken)}, not one of its own "
                "domains"
            )
            yield Finding.of("send.relays_without_login", seen)


_READ_IN_TWO_WAYS = ("auth.rejected",)
_ABOUT_THE_CREDENTIALS = (
    "auth.rejected",
    "auth.token_rejected",
    "auth.try_later",
    "auth.unavailable",
)


def offer(facts: Facts) -> Iterator[Finding]:
    """A submission port without AUTH. With credentials the failed login says it already."""
    for address in facts.addresses:
        if address.capabilities is None or facts.wanted_login or not address.reached:
            continue
        if address.ehlo_refusal is not None or _sees_no_tls(facts, address):
            continue
        if not address.capabilities.auth:
            words = " ".join(address.capabilities.keywords) or "nothing"
            # Without credentials nobody knows whether they are needed: a relay may know its clients
            # by their addresses. Port 25 takes the mail of servers, which have nothing to log in
            # with.
            yield Finding.of(
                "auth.not_offered",
                f"{address.address}: offers {words}",
                severity=Severity.INFO if facts.port == MAIL_EXCHANGE else Severity.WARNING,
            ).with_fix(hint(facts, "auth.not_offered"))


def _sees_no_tls(facts: Facts, address: AddressFacts) -> bool:
    """Whether the server believes that the connection is in the clear: inside TLS it offers
    STARTTLS, and keeps its logins for what comes after that.
    """
    offer = address.capabilities
    if offer is None or not address.secured or facts.port == MAIL_EXCHANGE:
        return False
    return "STARTTLS" in offer and not offer.auth


def tls_not_seen(facts: Facts) -> Iterator[Finding]:
    """STARTTLS inside TLS, and what that means."""
    for address in facts.addresses:
        if not address.secured or "STARTTLS" not in (address.capabilities or ()):
            continue
        if not _sees_no_tls(facts, address):
            yield Finding.of("tls.starttls_inside_tls", f"{address.address}: 250-STARTTLS")
            continue
        lacking = next((f for f in address.failures if f.code == "auth.not_offered"), None)
        seen = f"{address.address}: inside TLS, the server offers STARTTLS and no login"
        severity = Severity.WARNING if lacking is None else Severity.ERROR
        found = Finding.of("auth.encryption_required", seen, severity=severity)
        yield found.explaining(lacking).with_fix(
            "If you operate the server, have the proxy in front of it pass connections to a "
            "listener that does TLS itself (Postfix: port 465 with smtpd_tls_wrappermode=yes). Or "
            "let the proxy's TLS count: on a listener that only the proxy can reach, allow logins "
            "without TLS (Postfix: smtpd_tls_auth_only=no and smtpd_tls_security_level=none)."
        )


def passwords(facts: Facts) -> Iterator[Finding]:
    """Logins of which none takes a password. With credentials the failed login says it already."""
    for address in facts.addresses:
        offer = address.capabilities
        if offer is None or not offer.auth or facts.wanted_login or not address.reached:
            continue
        if not set(offer.auth) & set(PASSWORD_ORDER):
            seen = f"{address.address}: offers {' '.join(offer.auth)}"
            yield Finding.of("auth.no_passwords", seen).with_fix(without_passwords(offer.auth))


def unverified(facts: Facts) -> Iterator[Finding]:
    """Credentials that went to an unverified server."""
    for address in facts.addresses:
        failure = address.login_failure
        asked = failure is not None and failure.phase is not Phase.TOKEN
        if (
            (address.mechanism is not None or asked)
            and address.tls is not None
            and not address.tls.verified
        ):
            yield Finding.of(
                "auth.sent_unverified",
                f"{address.address}: the login was tried without verifying the certificate",
            )


def in_the_clear(facts: Facts) -> Iterator[Finding]:
    """Passwords taken before STARTTLS: mechanisms that hand them over as they are."""
    for address in facts.addresses:
        plain = [name for name in address.offered_in_clear if name in ("PLAIN", "LOGIN")]
        if plain:
            seen = f"{address.address}: offers {' '.join(plain)} before STARTTLS"
            yield Finding.of("auth.offered_in_clear", seen)


def mechanisms(facts: Facts) -> Iterator[Finding]:
    """Mechanisms that are offered and then refused, although another one works."""
    for address in facts.addresses:
        for name, failure in address.mechanisms.items():
            if failure is not None and failure.code.startswith("auth."):
                yield Finding.of(
                    "auth.mechanism_refused",
                    f"{address.address}: {name}: {failure.message}",
                    severity=Severity.WARNING,
                )


def password(facts: Facts) -> Iterator[Finding]:
    """A password that LOGIN, which nobody ever wrote down, leaves open to two readings."""
    if facts.unseen:
        return  # these characters are more likely a mistake than meant
    for address in facts.addresses:
        failure = address.login_failure
        if failure is None or failure.code not in _READ_IN_TWO_WAYS or facts.password_is_ascii:
            continue
        yield Finding.of(
            "auth.non_ascii_password",
            f"{address.address}: sent as UTF-8 by {', '.join(address.tried) or 'the login'}",
        )


def unseen(facts: Facts) -> Iterator[Finding]:
    """Invisible characters in credentials that were refused."""
    refused = [a for a in facts.addresses if _credentials_refused(a)]
    if refused and facts.unseen:
        yield Finding.of("auth.unseen_characters", "; ".join(facts.unseen))


def another_mechanism(facts: Facts) -> Iterator[Finding]:
    """A mechanism that the server offers and perhaps cannot do, beside one that it can."""
    for address in facts.addresses:
        if not address.tried or not _credentials_refused(address):
            continue
        offered = address.capabilities.auth if address.capabilities else ()
        plain = in_vain(address.tried[-1], offered)
        if plain is not None and address.tls is not None and address.tls.verified:
            yield Finding.of(
                "auth.another_mechanism",
                f"{address.address}: {address.tried[-1]} was refused; {plain} is offered too",
            )


def _credentials_refused(address: AddressFacts) -> bool:
    failure = address.login_failure
    return failure is not None and failure.code in _ABOUT_THE_CREDENTIALS


LEAST = 65_536
"""Octets that each server has to take (RFC 5321 section 4.5.3.1.7)."""

HARDLY_ANY = 1000
"""Octets that the header alone exceeds in most messages."""


def enough(facts: Facts) -> Iterator[Finding]:
    """Whether a message of the size that was asked for would be taken."""
    if facts.size is None:
        return
    for address in facts.addresses:
        if (limit := too_large(facts, address)) is not None:
            login = " before a login" if _may_grow(address) else ""
            yield Finding.of(
                "send.too_large",
                f"{address.address}: {facts.size:,} bytes were requested; the server accepts "
                f"{limit}{login}",
            )
        elif (found := limits(address)) is not None and not _told(found, address):
            yield Finding.of(
                "smtp.size_unknown",
                f"{address.address}: {facts.size:,} bytes were requested; the server states "
                f"{found[1] or found[0]}",
            )


def _may_grow(address: AddressFacts) -> bool:
    """Whether the server knows logins, and did not see one: some state more to those they know."""
    offer = address.capabilities
    return address.mechanism is None and offer is not None and bool(offer.auth)


def _told(found: tuple[Limit, Limit | None], address: AddressFacts) -> bool:
    """Whether the server has a number, or has taken the one in MAIL (section 6.1)."""
    limit = found[1] or found[0]
    asked = address.asked
    declared = asked is not None and asked.size is not None and limit.kind != "absent"
    answered = declared and asked is not None and asked.mail_reply is not None
    return limit.octets is not None or answered


def changed(facts: Facts) -> Iterator[Finding]:
    """Another limit after the login than before it. None before it misleads nobody."""
    for address in facts.addresses:
        found = limits(address)
        if found is None or found[1] is None or found[0].kind in ("absent", "unstated"):
            continue
        if found[0] != found[1] and not _nearly(found[0].octets, found[1].octets):
            yield Finding.of(
                "smtp.size_depends_on_login",
                f"{address.address}: before the login the server states {found[0]}; after it, "
                f"{found[1]}",
            )


def _nearly(one: int | None, other: int | None) -> bool:
    """Whether two limits are the same but for a bit: Dovecot's submission service keeps a kilobyte
    back for the field that it adds, once it knows the server behind it.
    """
    return one is not None and other is not None and abs(one - other) * 100 < max(one, other)


def sensible(facts: Facts) -> Iterator[Finding]:
    """A limit that is no number, or one that hardly any message keeps to."""
    for address in facts.addresses:
        for limit in dict.fromkeys(filter(None, limits(address) or ())):
            if limit.kind == "malformed":
                seen = f"{address.address}: 250-SIZE {limit.words}"
                yield Finding.of("smtp.size_malformed", seen)
            elif limit.octets is not None and limit.octets < LEAST:
                seen = f"{address.address}: accepts {limit}"
                severity = Severity.WARNING if limit.octets < HARDLY_ANY else Severity.INFO
                yield Finding.of("smtp.size_too_small", seen, severity=severity)
