"""A first failure seen in the light of a second look; pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from smtps.checks import agreement
from smtps.checks.certificate import covers, explain
from smtps.checks.facts import Certificate
from smtps.checks.probes import Probe
from smtps.checks.suspects import Case
from smtps.client.handshake import NO_EHLO
from smtps.errors import Failure, Phase
from smtps.net.services import LMTP, recognise
from smtps.net.translate import not_tls

Found = Failure | None


def known(case: Case) -> Found:
    """What the failure is by what the server has said already, or None if that takes a look."""
    failure, seen = case.failure, case.seen
    asked = seen.tls is not None and seen.tls.flight.wants_certificate
    if asked and failure.code in ("tls.closed", "net.reset") and failure.phase is Phase.TLS:
        shown = "got one" if case.certificate else "got none"
        return replace(
            failure,
            code=_CLIENT_CERTIFICATE[case.certificate],
            message=f"The server asked for a client certificate, {shown}, and closed the "
            "connection.",
            retryable=False,
        )
    if failure.code == "tls.plaintext_on_tls_port" and case.security == "starttls":
        return replace(
            failure,
            code="tls.starttls_in_clear",
            message="After it had agreed to STARTTLS, the server answered the TLS handshake with "
            f"{failure.seen!r} in the clear.",
            seen=None,
        )
    if (between := _in_between(case)) is not None:
        return between
    if failure.phase not in (Phase.GREETING, Phase.EHLO):
        return None
    said = [f"{failure.smtp_code} {line}" for line in failure.lines]
    if failure.code == "smtp.not_a_reply":
        said = [failure.seen or ""]
    elif seen.greeting is not None:
        said.insert(0, str(seen.greeting))
    known_by = ((line, service) for line in said if (service := recognise(line.encode())))
    if (found := next(known_by, None)) is None:
        return None
    words, service = found
    return replace(
        failure,
        code=service.code,
        message=f"This is {service.name}: it said {words[:120]!r}.",
        seen=words,
        retryable=False,
    )


def _in_between(case: Case) -> Found:
    """What somebody in between has done to the dialogue, where its words show it."""
    failure, seen = case.failure, case.seen
    early = failure.code == "smtp.unexpected_reply" and seen.capabilities is None
    words = str(failure.smtp_code or "") + f" {case.words}"
    if early and words.strip().startswith("5"):
        return replace(
            failure,
            code="smtp.proxy_header_refused",
            message="The server refused a command that this client did not send: "
            f"{words.strip()[:120]}",
            retryable=False,
        )
    lines = seen.capabilities.lines if seen.capabilities is not None else ()
    greeting = str(seen.greeting) if seen.greeting is not None else ""
    masked = next((line for line in (greeting, *lines) if _MASKED.search(line)), None)
    if failure.code == "tls.starttls_not_offered" and masked is not None:
        return replace(
            failure,
            code="tls.starttls_masked",
            message=f"A firewall on the path has overwritten the server's reply: {masked!r}.",
            seen=None,
        )
    return None


_MASKED = re.compile(r"\*{6,}|X{6,}[A-Z]?\b")
"""What the SMTP inspection of Cisco's firewalls puts over greetings and EHLO lines."""

_CLIENT_CERTIFICATE = {
    True: "tls.client_certificate_refused",
    False: "tls.client_certificate_required",
}


def infer(case: Case, look: Probe) -> Found:
    """What the failure is by what came of a look, or None if that tells nothing."""
    found = _BY_LOOK.get(look.name)
    return found(case, look) if found is not None else None


def at_last(case: Case) -> Failure:
    """The failure where no look explained it, with what is known all the same."""
    failure, looks = case.failure, case.seen.looks
    if (look := looks.get("implicit")) is not None and look.secured:
        return _implicit_tls(failure)
    if (look := looks.get("say EHLO")) is not None and look.hung_up:
        return replace(
            failure,
            message=f"{failure.message} It closed the connection on EHLO, so it may expect another "
            "protocol.",
        )
    if failure.code == "smtp.ehlo_refused":
        return _ehlo_refused(case)
    if failure.phase is Phase.GREETING and failure.code in ("net.closed_by_server", "net.reset"):
        return _closed_before_greeting(case)
    if _cut_each_time(case):
        failure = replace(
            failure,
            code="tls.closed",
            message="The server closed or reset the connection on every ClientHello, whatever the "
            "ClientHello offered.",
        )
    if not case.named and failure.phase is Phase.TLS and failure.code in _MAY_WANT_A_NAME:
        return _without_name(failure)
    return failure


_HELLOS = ("small", "nameless", "modest", "old", "groups")
"""Looks that offer something else than the first attempt, each in its way."""

_ENOUGH = 3
"""Of these that end alike, so that it is not a matter of what was offered."""


def _cut_each_time(case: Case) -> bool:
    failure, looks = case.failure, case.seen.looks
    if failure.phase is not Phase.TLS or failure.code not in ("tls.closed", "net.reset"):
        return False
    taken = [looks[name] for name in _HELLOS if name in looks]
    cut = [each for each in taken if each.hung_up and not each.secured and not each.heard]
    return case.security == "implicit" and len(cut) == len(taken) >= _ENOUGH


def web_behind(failure: Failure, own: Certificate | None, host: str, look: Probe) -> Found:
    """What a certificate that is not to be trusted means where a web server is behind it."""
    service = look.service
    if service is None or service.code != "smtp.web_server":
        return None
    elsewhere = own is not None and not covers(own, host)
    names = ", ".join(own.names[:3]) if own is not None else ""
    shown = f", with a certificate for {names}," if elsewhere and names else ""
    said = (look.said or "")[:120]
    return replace(
        failure,
        code="net.portal" if elsewhere else service.code,
        message=f"A web server answers on this port{shown} and no mail server: it said {said!r}.",
        seen=None,
        retryable=False,
    )


def _ehlo_refused(case: Case) -> Failure:
    failure = case.failure
    if case.security == "starttls" and case.secured:
        return replace(failure, message=f"After STARTTLS: {failure.message}")
    if failure.smtp_code in NO_EHLO:
        return replace(
            failure,
            code="smtp.no_ehlo",
            message=f"The server recognizes neither EHLO nor HELO: {failure.smtp_code} "
            f"{' '.join(failure.lines)}",
        )
    return failure


_MAY_WANT_A_NAME = (
    "tls.unrecognized_name",
    "tls.server_error",
    "tls.handshake_refused",
    "tls.closed",
    "net.reset",
)


def _without_name(failure: Failure) -> Failure:
    words = "No name (SNI) was sent, because the target is an address."
    code = "tls.name_needed" if failure.code == "tls.unrecognized_name" else failure.code
    if code == "tls.name_needed":
        return replace(
            failure, code=code, message=f"The server requires a server name (SNI). {words}"
        )
    return replace(failure, message=f"{failure.message} {words}")


def _closed_before_greeting(case: Case) -> Failure:
    after = "after the TLS handshake, before" if case.secured else "before"
    how = "reset" if case.failure.code == "net.reset" else "closed"
    return replace(
        case.failure,
        code="smtp.closed_before_greeting",
        message=f"The server {how} the connection {after} any greeting.",
    )


def _small(case: Case, look: Probe) -> Found:
    if not look.secured or look.tls is None:
        return None
    first = case.seen.tls.hello_size if case.seen.tls is not None else 0
    return replace(
        case.failure,
        code="tls.large_hello",
        message=f"A ClientHello of {first} bytes fails, one of {look.tls.hello_size} succeeds.",
        retryable=False,
    )


def _nameless(case: Case, look: Probe) -> Found:
    failure = case.failure
    if not look.secured or look.tls is None:
        return None
    found = explain(look.tls.chain[0]) if look.tls.chain else None
    own = found if isinstance(found, Certificate) else None
    covered = own is not None and covers(own, case.host)
    if failure.code in ("tls.closed", "net.reset", "tls.timeout") and covered:
        how = "stalls" if failure.code == "tls.timeout" else "is cut"
        return replace(
            failure,
            code="tls.name_blocked",
            message=f"The handshake {how} when it names {case.host} (SNI). Without a name it "
            "succeeds, and the certificate is for that name.",
            retryable=False,
        )
    names = ", ".join(own.names[:3]) if own is not None else ""
    shown = f" with a certificate for {names}" if names else ""
    return replace(
        failure,
        code="tls.unrecognized_name",
        message=f"{failure.message} Without a server name (SNI) the handshake succeeds{shown}.",
        retryable=False,
    )


def _tls_inside(case: Case, look: Probe) -> Found:
    if look.flight.version is None:
        return None
    return replace(
        case.failure,
        code="tls.twice",
        message="Inside TLS, the server waits for a second TLS handshake.",
        seen=None,
        retryable=False,
    )


def _other_port(case: Case, look: Probe) -> Found:
    if look.reached is None or case.failure.code == "tls.starttls_not_offered":
        return None
    return replace(
        case.failure,
        code="net.other_port_open",
        message=f"{case.failure.message} Port {look.reached} of the same address is open.",
    )


def _port_25(case: Case, look: Probe) -> Found:
    beside = case.seen.looks.get("other port")
    if look.reached is None or beside is None or beside.reached is not None:
        return None
    return replace(
        case.failure,
        code="net.receiving_only",
        message=f"{case.failure.message} Of the other ports for mail, only 25 is open.",
        retryable=False,
    )


def _small_segments(case: Case, look: Probe) -> Found:
    if not look.secured:
        return None
    return replace(
        case.failure,
        code="net.path_mtu",
        message="Large packets are lost on the way: the handshake stalls, and succeeds when both "
        "sides send small ones.",
        retryable=False,
    )


def _clear(case: Case, look: Probe) -> Found:
    if look.greeting is not None:
        words = str(look.greeting)
    elif look.failure is not None and look.failure.code == "smtp.not_a_reply":
        words = look.failure.seen or ""
    else:
        return None
    if (error := not_tls(words.encode())) is None:
        return None
    return error.locate(phase=case.failure.phase, address=case.failure.address).failure


def _implicit(case: Case, look: Probe) -> Found:
    if look.greeting is None or not look.secured:
        return None
    return _implicit_tls(case.failure)


def _implicit_tls(failure: Failure) -> Failure:
    return replace(
        failure,
        code="tls.implicit_tls_port",
        message="This port speaks TLS from the first byte, so there is no greeting in the clear.",
        retryable=False,
    )


def _said(case: Case, look: Probe) -> Found:
    """What answered a prompt."""
    if not look.heard:
        return None
    words, failure, service = (look.said or "")[:120], case.failure, look.service
    if look.name == "say LHLO":
        service = LMTP if _TAKEN.search(look.heard) else None
    if service is not None:
        quoted = words if words == "binary data" else repr(words)
        return replace(
            failure,
            code=service.code,
            message=f"This is {service.name}: it waited, and then answered {quoted}.",
            seen=None,
            retryable=False,
        )
    if not look.name.startswith("say EHLO") or look.heard[:1] in b"2345":
        return None
    return replace(
        failure,
        code="smtp.not_a_reply",
        message=f"The server waited, and then answered EHLO with {words!r}, which is not SMTP.",
        seen=words,
        retryable=False,
    )


_TAKEN = re.compile(rb"^250[ -]", re.MULTILINE)


def _proxy(case: Case, look: Probe) -> Found:
    if look.greeting is None or not look.greeting.positive:
        return None
    where = "Inside TLS, the server" if look.name == "proxy inside" else "The server"
    return replace(
        case.failure,
        code="smtp.proxy_header_wanted",
        message=f"{where} sends its greeting only after a PROXY header: it expects every "
        "connection to come from a proxy that sends one.",
        seen=None,
        retryable=False,
    )


def _icmp(case: Case, look: Probe) -> Found:
    found = look.rejection
    if found is None:
        return None
    if found.prohibited:
        return replace(
            case.failure,
            code="net.prohibited",
            message=f"A firewall rejects the connection ({found}).",
        )
    code = case.failure.code
    if code == "net.unreachable":  # it is not this machine that knows no way
        code = "net.host_unreachable"
    message = f"A router reports that the host cannot be reached ({found})."
    return replace(case.failure, code=code, message=message)


_BY_LOOK: dict[str, Callable[[Case, Probe], Found]] = {
    "small": _small,
    "groups": agreement.groups,
    "groups of TLS 1.2": agreement.groups,
    "pre-shared key": agreement.pre_shared,
    "rare ciphers": agreement.rare,
    "TLS inside": _tls_inside,
    "other port": _other_port,
    "port 25": _port_25,
    "nameless": _nameless,
    "modest": agreement.modest,
    "old": agreement.old,
    "anonymous": agreement.anonymous,
    "small segments": _small_segments,
    "clear": _clear,
    "implicit": _implicit,
    "say EHLO": _said,
    "say EHLO inside": _said,
    "say FEAT": _said,
    "say FEAT in the clear": _said,
    "say LHLO": _said,
    "say HTTP": _said,
    "say LDAP": _said,
    "say MQTT": _said,
    "proxy": _proxy,
    "proxy inside": _proxy,
    "icmp": _icmp,
}
