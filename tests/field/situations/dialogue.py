"""The dialogue: greeting, EHLO, STARTTLS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.field.authority import Files
from tests.field.lab import HOST, Lab
from tests.field.network import CLIENT, MAIL
from tests.field.servers import IMPLICIT, LOGIN, MEMBERS, MX, SASL, members, postfix, sink, stunnel
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="dialogue")
_on_587 = partial(_case, target=f"{HOST}:587", options=("--starttls",))


def _postfix(
    port: int, options: dict[str, str], program: str = "smtpd", **main: str
) -> Callable[[Lab], None]:
    return lambda lab: postfix(lab, lab.certificate(), {port: options}, main=main, program=program)


def _early(where: str) -> dict[str, str]:
    """Restrictions that are answered when the client connects."""
    return {"smtpd_delay_reject": "no", "smtpd_client_restrictions": where}


def _listed(lab: Lab) -> None:
    """A block list in the test network's own DNS."""
    reverse = ".".join(reversed(CLIENT.split(".")))
    lab.zone[f"{reverse}.zen.spamhaus.org"] = {
        "A": ["127.0.0.2"], "TXT": ['"https://www.spamhaus.org/query/ip/77.4.5.2"'],
    }  # fmt: skip
    postfix(lab, lab.certificate(), {465: IMPLICIT},
            main=_early("reject_rbl_client zen.spamhaus.org"))  # fmt: skip


def _too_many(lab: Lab) -> None:
    """One connection for each client at a time, and somebody of the same address holds it."""
    postfix(lab, lab.certificate(), {465: {}, 2465: {}},
            main={"smtpd_client_connection_count_limit": "1",
                  "smtpd_client_event_limit_exceptions": "", **IMPLICIT})  # fmt: skip
    _hold(lab, 465, 1)


def _hold(lab: Lab, port: int, count: int) -> None:
    """Connections from the client's machine that stay, and have been greeted."""
    from_here = lab.network.here
    script = f"sleep 200 | openssl s_client -quiet -connect {MAIL}:{port} > held.txt 2>/dev/null"
    for _ in range(count):
        lab.spawn("/usr/bin/nsenter", f"--net=/run/netns/{from_here}", "/bin/sh", "-c", script)
    lab.program("/bin/sh", "-c", "i=0; until grep -q 220 held.txt; do i=$((i+1)); "
                "[ $i -lt 100 ] || exit 1; sleep 0.05; done")  # fmt: skip


def _busy(lab: Lab) -> None:
    """One process, and somebody holds it: the next waits for a greeting, or for TLS."""
    postfix(lab, lab.certificate(), {465: IMPLICIT}, processes="1")
    _hold(lab, 465, 1)


def _postscreen(lab: Lab) -> None:
    postfix(lab, lab.certificate(), {25: MX}, program="postscreen",
            main={"postscreen_greet_wait": "6s", "postscreen_greet_action": "enforce",
                  "postscreen_greet_banner": "$myhostname ESMTP wait please",
                  "postscreen_access_list": "", "smtpd_tls_security_level": "may",
                  "postscreen_cache_map": "internal:screened",
                  "postscreen_pipelining_enable": "no"})  # fmt: skip


def _keyless(port: int, options: dict[str, str]) -> Callable[[Lab], None]:
    """The key file is not where the settings say."""

    def build(lab: Lab) -> None:
        files = lab.certificate()
        gone = Files(files.chain, Path("/etc/ssl/private/no-such.key"), files.both)
        postfix(lab, gone, {port: options})

    return build


def _sink(*options: str) -> Callable[[Lab], None]:
    """Postfix's test server behind stunnel, told what to say."""

    def build(lab: Lab) -> None:
        sink(lab, 10025, *options)
        stunnel(lab, lab.certificate(), 465, "127.0.0.1:10025")

    return build


def _says(text: str, delay: str = "0", way: str = "close") -> Callable[[Lab], None]:
    def build(lab: Lab) -> None:
        lab.device("say", 10025, "--text", text, "--way", way, "--delay", delay,
                   address="127.0.0.1")  # fmt: skip
        stunnel(lab, lab.certificate(), 465, "127.0.0.1:10025")

    return build


def _late(lab: Lab) -> None:
    """A greeting after twelve seconds, then a good server."""
    sink(lab, 10025)
    lab.spawn("/usr/bin/socat", "TCP-LISTEN:10026,bind=127.0.0.1,fork,reuseaddr",
              "SYSTEM:sleep 12; exec socat - TCP\\:127.0.0.1\\:10025")  # fmt: skip
    lab.listening(10026)
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:10026")


def _no_auth_socket(lab: Lab) -> None:
    """Postfix whose socket for logins is not there: each smtpd dies at once."""
    postfix(lab, lab.certificate(), {465: {**IMPLICIT, **SASL, **MEMBERS}})


SITUATIONS = (
    _case(name="late-greeting", what="a server that greets after twelve seconds",
          expert="it works; the greeting is late", build=_late, verdicts=HEALTHY,
          causes=("smtp.greeting_late",), told="12|second"),
    _case(name="postscreen", what="Postfix's postscreen on 25, greeting in two parts",
          expert="it works; port 25 with postscreen is for servers, not for clients",
          build=_postscreen, target=f"{HOST}:25", options=("--starttls",),
          verdicts=("works", "warnings", "later"), also=("smtp.greeting_late",
                                                         "auth.not_offered")),
    _case(name="client-refused", what="Postfix that turns this client away at the greeting",
          expert="the server refuses this client's address",
          build=_postfix(465, IMPLICIT,
          **_early("check_client_access inline:{ {77.4.5.2=REJECT} }")),
          causes=("smtp.access_denied", "smtp.greeting_refused"), told="554",
          fix=("address|operator|network",)),
    _case(name="client-on-a-block-list", what="Postfix that asks zen.spamhaus.org about the client",
          expert="the client's address is on Spamhaus's list",
          build=_listed, causes=("smtp.blocklisted",), told="spamhaus", fix=("list|spamhaus",)),
    _case(name="too-many-connections", what="Postfix with a limit of one connection, and one held",
          expert="too many connections from this client: wait", build=_too_many,
          causes=("smtp.rate_limited", "smtp.too_many_connections"), verdicts=("later", "fails"),
          fix=("wait|later|fewer",)),
    _case(name="no-process-left", what="Postfix with one process, and somebody holds it",
          expert="the port is open and nobody answers: the server is busy or hangs", build=_busy,
          causes=("tls.timeout", "smtp.greeting_timeout", "net.timeout"),
          verdicts=("fails", "unknown", "later"), never=("without TLS, that waits",)),
    _on_587(name="starttls-not-offered", what="Postfix on 587 with TLS switched off",
          expert="no STARTTLS: switch TLS on", build=_postfix(587, {}),
          causes=("tls.starttls_not_offered",), fix=("smtpd_tls|STARTTLS|TLS",)),
    _on_587(name="starttls-not-offered-465-works", what="the same, and 465 works",
          expert="no STARTTLS on 587; use 465",
          build=lambda lab: members(lab, lab.certificate(), {587: {}, 465: IMPLICIT}),
          causes=("tls.starttls_not_offered",), told="465"),
    _on_587(name="starttls-key-missing", what="Postfix on 587 whose key file is missing",
          expert="STARTTLS is offered or not, and cannot be done: the certificate or key cannot be "
          "read", build=_keyless(587, MX), causes=("tls.starttls_refused",
          "tls.starttls_not_offered"), fix=("log|key|certificate",)),
    _case(name="implicit-key-missing", what="Postfix on 465 whose key file is missing",
          expert="TLS cannot be done: the certificate or key cannot be read",
          build=_keyless(465, IMPLICIT),
          causes=("tls.closed", "net.closed_by_server", "tls.plaintext_on_tls_port", "net.reset",
                  "tls.server_error", "tls.not_available"),
          told="certificate|key|log|not available", fix=("log|key|certificate",)),
    _case(name="ehlo-name-refused-early", what="Postfix that wants a full host name at EHLO",
          expert="the EHLO name is no full host name; with the address literal it works",
          build=lambda lab: members(
              lab, lab.certificate(), {465: {**IMPLICIT, "smtpd_delay_reject": "no",
                                             "smtpd_helo_restrictions":
                                             "reject_non_fqdn_helo_hostname"}}),
          verdicts=("works", "warnings"), causes=("smtp.ehlo_name_replaced",
          "smtp.ehlo_name_refused"),
          fix=("name",)),
    _case(name="ehlo-disconnects", what="a server that hangs up on EHLO",
          expert="the server closes on EHLO", build=_sink("-q", "ehlo"),
          causes=("net.closed_by_server", "smtp.no_backend", "smtp.ehlo_refused"), told="EHLO"),
    _case(name="ehlo-421", what="a server that says 421 to EHLO",
          expert="the server closes for now: come back later", build=_sink("-Q", "ehlo"),
          causes=("smtp.shutting_down", "smtp.rate_limited", "smtp.closing"),
          verdicts=("later", "fails")),
    _case(name="ehlo-refused", what="a server that refuses EHLO", expert="no ESMTP here",
          build=_sink("-r", "ehlo,helo"), causes=("smtp.ehlo_refused", "smtp.server_error",
          "smtp.try_later"),
          verdicts=("fails", "later")),
    _case(name="ehlo-refused-for-good", what="a server that answers EHLO with 550 and its words",
          expert="the server refuses this client, in its own words",
          build=_sink("-f", "ehlo,helo", "-B", "550 5.7.1 Your network is not welcome here"),
          causes=("smtp.ehlo_refused", "smtp.access_denied", "smtp.ehlo_name_refused"),
          told="not welcome"),
    _case(name="only-helo", what="a server that knows HELO and no EHLO",
          expert="no EHLO, so no extension and no login: not a submission server, or a proxy",
          build=_sink("-f", "ehlo", "-B", "502 5.5.2 Error: command not recognized"),
          verdicts=("warnings", "fails"), causes=("smtp.no_ehlo",), told="HELO",
          fix=("ESMTP|EHLO", "firewall|proxy")),
    _case(name="only-helo-and-a-login", what="the same, and a login", options=LOGIN,
          expert="no EHLO, so no login",
          build=_sink("-f", "ehlo", "-B", "502 5.5.2 Error: command not recognized"),
          causes=("smtp.no_ehlo",), told="HELO", fix=("ESMTP|EHLO", "firewall|proxy"),
          never=("SASL",)),
    _case(name="neither-ehlo-nor-helo", what="a server that knows neither EHLO nor HELO",
          expert="this is no mail server, or something in front of it refuses commands",
          build=_sink("-f", "ehlo,helo", "-B", "502 5.5.2 Error: command not recognized"),
          causes=("smtp.no_ehlo",), told="neither", fix=("host and port",), never=("--ehlo-name",)),
    _case(name="greeting-421", what="a server whose greeting is 421 for overload",
          expert="overloaded: later", build=_says(r"421 4.3.2 System overloaded, try later\r\n"),
          causes=("smtp.shutting_down", "smtp.come_back", "smtp.rate_limited"),
          verdicts=("later",), fix=("later|wait|again",)),
    _case(name="greeting-450", what="a server whose greeting is 450, as postscreen's may be",
          expert="not now: come back in a moment",
          build=_says(r"450 4.3.2 Service currently unavailable\r\n"),
          causes=("smtp.shutting_down", "smtp.come_back", "smtp.try_later", "smtp.rate_limited",
                  "smtp.greeting_refused", "smtp.not_now", "smtp.greeting_later"),
          verdicts=("later",), fix=("later|wait|again|moment",)),
    _case(name="greeting-554-list", what="a greeting of 554 with a block list's address",
          expert="the client's address is on a list",
          build=_says(r"554 5.7.1 mx1 (mxgate) Connection refused. IP address listed on "
                      r"https://www.barracudacentral.org/reputation\r\n"),
          causes=("smtp.blocklisted",), told="barracuda"),
    _case(name="greeting-554-country", what="a greeting of 554 for the client's country",
          expert="the server refuses this country; its operator can allow it",
          build=_says(r"554 5.7.1 mail.example.com Blocked by country policy\r\n"),
          causes=("smtp.place_refused",), told="country", fix=("network|country", "operator"),
          never=("log in",)),
    _case(name="greeting-554-hosting", what="a greeting of 554 for the client's hosting company",
          expert="the server refuses this network; its operator can allow it",
          build=_says(r"554 5.7.1 Connections from hosting providers are not accepted\r\n"),
          causes=("smtp.place_refused",), told="hosting", fix=("network|country", "operator"),
          never=("log in",)),
    _case(name="greeting-refused-no-reverse-name",
          what="a greeting of 554 for a missing PTR record",
          expert="the client's address has no reverse name: the client's network",
          build=_says(r"554 5.7.1 Client host rejected: cannot find your reverse hostname, "
                      r"[77.4.5.2]\r\n"),
          causes=("smtp.greeting_refused", "smtp.reverse_name_missing", "dns.reverse_missing",
                  "send.client_without_name", "smtp.client_without_name", "send.no_reverse_name"),
          told="reverse|PTR", fix=("reverse|PTR|network|provider",)),
    _case(name="no-auth-socket", what="Postfix whose socket for logins is missing",
          expert="the server's process dies before it greets: its log knows",
          build=_no_auth_socket, verdicts=("fails", "later"),
          causes=("smtp.closed_before_greeting", "net.closed_by_server", "tls.closed",
          "smtp.no_backend",
                  "net.reset", "tls.timeout", "smtp.backend_down", "smtp.greeting_timeout"),
          told="log|behind|backend|operator"),
    _case(name="login-not-offered", what="Postfix without logins, asked to log in",
          expert="no AUTH on this port", options=LOGIN,
          build=_postfix(465, IMPLICIT), causes=("auth.not_offered",),
          fix=("587|465|sasl|enable|port",)),
)  # fmt: skip
