"""Ports and security: 465, 587 and 25 mixed up, by the client or by the server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.field.authority import Wish, certify, write
from tests.field.lab import HOST, Lab
from tests.field.network import MAIL
from tests.field.servers import IMPLICIT, LOGIN, MX, STARTTLS, dovecot, members, postfix
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="ports and security")
TURN_WRAPPER_ON = r"set smtpd_tls_wrappermode ?= ?yes"


def _members(*ports: int, **changes: dict[str, str]) -> Callable[[Lab], None]:
    """Postfix with logins on ports as they are meant."""
    usual = {465: IMPLICIT, 587: STARTTLS, 2525: STARTTLS, 25: MX}
    return lambda lab: members(lab, lab.certificate(), {each: usual[each] for each in ports})


def _with(port: int, options: dict[str, str], *more: int) -> Callable[[Lab], None]:
    usual = {465: IMPLICIT, 587: STARTTLS, 25: MX}
    ports = {port: options, **{each: usual[each] for each in more}}
    return lambda lab: members(lab, lab.certificate(), ports)


def _exchanger(lab: Lab) -> None:
    postfix(lab, lab.certificate(), {25: MX})


def _office(lab: Lab) -> None:
    """Microsoft's host: 587 with STARTTLS, and nothing on 465."""
    lab.zone["smtp.office365.com"] = {"A": [MAIL]}
    members(lab, lab.certificate("smtp.office365.com", "outlook.office365.com"), {587: STARTTLS})


def _bridge(lab: Lab) -> None:
    """A program on one's own machine with a certificate of its own, as Proton's bridge."""
    own = certify(Wish(subject="127.0.0.1", names=("127.0.0.1",), ends=3000))
    files = write(lab.directory, own)
    members(lab, files, {1025: STARTTLS})
    lab.spawn("/usr/bin/nsenter", f"--net=/run/netns/{lab.network.here}", "/usr/bin/socat",
              "TCP-LISTEN:1025,bind=127.0.0.1,fork,reuseaddr", f"TCP:{MAIL}:1025")  # fmt: skip


def _dovecot(protocol: str, port: int, kind: str = "tls") -> Callable[[Lab], None]:
    return lambda lab: dovecot(lab, lab.certificate(), {protocol: {port: kind}})


SITUATIONS = (
    _case(name="587-as-it-is-meant", what="HOST:587, and Postfix with STARTTLS there",
          expert="587 means STARTTLS: it works", build=_members(587), target=f"{HOST}:587",
          verdicts=HEALTHY),
    _case(name="587-with-login", what="the same with a login", expert="it works",
          build=_members(587), target=f"{HOST}:587", options=LOGIN, verdicts=HEALTHY),
    _case(name="25-as-it-is-meant", what="HOST:25, and Postfix with STARTTLS there",
          expert="25 means STARTTLS: it works, and offers no login", build=_exchanger,
          target=f"{HOST}:25", verdicts=HEALTHY, also=("auth.not_offered",)),
    _case(name="2525-as-it-is-meant", what="HOST:2525, and Postfix with STARTTLS there",
          expert="2525 means STARTTLS: it works", build=_members(2525), target=f"{HOST}:2525",
          verdicts=HEALTHY),
    _case(name="starttls-on-465", what="--starttls with 465, and Postfix with implicit TLS there",
          expert="465 begins with TLS: leave --starttls out", build=_members(465),
          target=f"{HOST}:465", options=("--starttls",), causes=("tls.implicit_tls_port",),
          fix=("without.{0,12}starttls|implicit|leave.{0,20}out|first byte|--starttls",),
          never=(r"use port 587",)),
    _case(name="465-without-wrapper", what="Postfix on 465 without its wrapper mode",
          expert="465 needs TLS from the first byte: wrapper mode is not set",
          build=_with(465, STARTTLS), causes=("tls.plaintext_on_tls_port",),
          fix=("wrappermode|starttls",)),
    _case(name="465-without-wrapper-587-works", what="the same, and 587 works",
          expert="465 needs TLS from the first byte; 587 works", build=_with(465, STARTTLS, 587),
          causes=("tls.plaintext_on_tls_port",), told="587|starttls"),
    _case(name="587-with-wrapper", what="Postfix on 587 with wrapper mode",
          expert="587 begins with TLS here: say so, or better use 465",
          build=_with(587, IMPLICIT), target=f"{HOST}:587",
          verdicts=("fails", "works", "warnings"), causes=("tls.implicit_tls_port",),
          told="implicit|first byte|begins with TLS", fix=("implicit|465",),
          never=("use port 587",)),
    _case(name="25-with-wrapper", what="Postfix on 25 with wrapper mode",
          expert="25 must begin in the clear: other servers cannot deliver here",
          build=_with(25, IMPLICIT), target=f"{HOST}:25",
          verdicts=("fails", "works", "warnings"), causes=("tls.implicit_tls_port",),
          told="implicit|first byte|begins with TLS", never=(TURN_WRAPPER_ON,)),
    _case(name="office-465", what="smtp.office365.com as it is: nothing on 465, STARTTLS on 587",
          expert="Microsoft offers 587 only", build=_office, target="smtp.office365.com",
          causes=("net.refused", "net.other_port_open"), told="587",
          fix=("587",)),
    _case(name="office-587", what="the same, asked on 587", expert="nothing is wrong",
          build=_office, target="smtp.office365.com:587", options=LOGIN, verdicts=HEALTHY),
    _case(name="bridge", what="a bridge on one's own machine with a certificate of its own",
          expert="self-signed by design: trust it by its fingerprint", build=_bridge,
          target="127.0.0.1:1025", options=("--starttls",),
          causes=("tls.certificate_self_signed",), fix=("fingerprint|ca-file",)),
    _case(name="imaps-993", what="HOST:993, which is IMAPS", expert="993 is for reading mail; "
          "sending is 465 or 587", build=_dovecot("imap", 993), target=f"{HOST}:993",
          causes=("smtp.incoming_mail_server", "smtp.not_a_reply", "smtp.other_service",
          "tls.not_smtp", "smtp.not_smtp"),
          told="IMAP", fix=("465|587",)),
    _case(name="pop3s-995", what="HOST:995, which is POP3S", expert="995 is for reading mail; "
          "sending is 465 or 587", build=_dovecot("pop3", 995), target=f"{HOST}:995",
          causes=("smtp.incoming_mail_server", "smtp.not_a_reply", "smtp.other_service",
          "tls.not_smtp", "smtp.not_smtp"),
          told="POP", fix=("465|587",)),
    _case(name="imap-143", what="HOST:143, which is IMAP", expert="143 is for reading mail; "
          "sending is 465 or 587", build=_dovecot("imap", 143, "clear"), target=f"{HOST}:143",
          causes=("tls.not_tls", "smtp.incoming_mail_server", "smtp.other_service"), told="IMAP",
          fix=("465|587",)),
    _case(name="exchanger-on-465", what="a mail exchanger that has port 25 only, asked on 465",
          expert="no submission here", build=_exchanger,
          causes=("net.receiving_only", "net.refused"),
          fix=("port|587|listen|server",)),
    _case(name="587-closed-465-open", what="HOST:587 where only 465 is open",
          expert="587 is closed; 465 works", build=_members(465), target=f"{HOST}:587",
          causes=("net.refused", "net.other_port_open"), told="465",
          fix=("465",)),
    _case(name="implicit-asked-on-starttls-port", what="a server's 24587 with STARTTLS, asked with "
          "TLS from the first byte", expert="this port begins in the clear: --starttls",
          build=_with(24587, STARTTLS), target=f"{HOST}:24587",
          causes=("tls.plaintext_on_tls_port",), fix=("starttls",)),
)  # fmt: skip
