"""Somebody in between: inspection, redirection, portals, filters by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.field.authority import Wish, certify, write
from tests.field.lab import HOST, Lab
from tests.field.network import MAIL, OTHER
from tests.field.servers import LOGIN, STARTTLS, members, nginx, sink, stunnel, tls_front, web
from tests.field.situation import Situation

_case = partial(Situation, group="interception")
GMAIL = "smtp.gmail.com"
INTERCEPTED = ("tls.intercepted", "tls.redirected", "tls.hijacked", "net.redirected",
               "tls.provider_impostor", "tls.not_the_provider")  # fmt: skip
BY_ITS_NAME = r"connect (by|to|with) (one of|a name|the name|that)|use the name"
TRUST_IT = r"--ca-file|trust (it|its|this|that) (root|authority|certificate)"


def _inspected(company: str, subject: str, host: str = HOST, *, sent: bool = True) -> (
    Callable[[Lab], None]
):  # fmt: skip
    """TLS opened by a proxy with an authority of its own."""

    def build(lab: Lab) -> None:
        lab.zone[host] = {"A": [MAIL]}
        root = certify(Wish(subject=subject, company=company, authority=True, ends=3000))
        leaf = certify(Wish(subject=host, names=(host,)), root)
        tls_front(lab, write(lab.directory, leaf, *([root] if sent else [])))

    return build


def _redirected(port: int = 465, **service: str) -> Callable[[Lab], None]:
    """Every connection to the port is led to the network's own mail server (DNAT)."""

    def build(lab: Lab) -> None:
        lab.zone[GMAIL] = {"A": [OTHER]}
        files = lab.certificate("relay.isp.example")
        members(lab, files, {port: service or {"smtpd_tls_wrappermode": "yes"}},
                main={"myhostname": "relay.isp.example"})  # fmt: skip
        lab.network.redirect(f"ip daddr {OTHER} tcp dport {port} dnat to {MAIL}:{port}")

    return build


def _hijacked(lab: Lab) -> None:
    """DNS leads the provider's name to a server with a certificate of its own making."""
    lab.zone[GMAIL] = {"A": [MAIL]}
    own = certify(Wish(subject="localhost", names=("localhost",), ends=3000))
    tls_front(lab, write(lab.directory, own))


def _portal(lab: Lab) -> None:
    lab.zone[GMAIL] = {"A": [OTHER]}
    web(lab, lab.certificate("portal.hotel.example"))
    lab.network.redirect(f"ip daddr {OTHER} tcp dport 465 dnat to {MAIL}:465")


def _any_portal(lab: Lab) -> None:
    web(lab, lab.certificate("portal.hotel.example"))


def _clear_portal(lab: Lab) -> None:
    lab.device("http", 465)


def _behind(device: str, *options: str, port: int = 587) -> Callable[[Lab], None]:
    """A device in front of Postfix with STARTTLS."""

    def build(lab: Lab) -> None:
        members(lab, lab.certificate(), {10587: STARTTLS}, listen="127.0.0.1")
        lab.device(device, port, *options, "--to", "127.0.0.1:10587")

    return build


def _by_name(way: str) -> Callable[[Lab], None]:
    """A filter that lets no connection pass whose ClientHello names this host."""

    def build(lab: Lab) -> None:
        sink(lab, 10025)
        stunnel(lab, lab.certificate(), 4650, "127.0.0.1:10025", address="127.0.0.1")
        lab.device("hello", 465, "--name", HOST, "--way", way, "--to", "127.0.0.1:4650")

    return build


def _scanner(lab: Lab) -> None:
    """A virus scanner's proxy whose connection to the server failed."""
    lab.device("say", 10025, "--text", r"421 Cannot connect to SMTP server 141.2.3.10 "
               r"(141.2.3.10:465), connect error 10060\r\n", address="127.0.0.1")  # fmt: skip
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:10025")


def _pix(lab: Lab) -> None:
    """A greeting as Cisco's fixup leaves it, and no EHLO, in front of port 587."""
    lab.spawn("/usr/sbin/smtp-sink", "-u", "nobody", "-P", f"{MAIL}:587", "10")
    lab.listening(587)


def _default_of_a_host(lab: Lab) -> None:
    lab.zone[GMAIL] = {"A": [MAIL]}
    files = lab.certificate("*.hosting.example")
    sink(lab, 10025)
    nginx(
        lab,
        f"""stream {{ server {{ listen {MAIL}:465 ssl; ssl_certificate {files.chain};
        ssl_certificate_key {files.key}; proxy_pass 127.0.0.1:10025; }} }}""",
        465,
    )


SITUATIONS = (
    _case(name="company-proxy", what="a TLS-inspecting proxy whose root is not trusted: Zscaler",
          expert="a company's proxy opens TLS", never=(BY_ITS_NAME,),
          build=_inspected("Zscaler Inc.", "Zscaler Root CA"), causes=INTERCEPTED,
          told="Zscaler", fix=("administrator|company|proxy|network",)),
    _case(name="virus-scanner", what="a virus scanner that opens TLS: Avast",
          expert="a virus scanner on this machine opens TLS",
          build=_inspected("Avast Web/Mail Shield", "Avast Web/Mail Shield Root"),
          causes=INTERCEPTED, told="Avast", fix=("scan|antivirus|virus",)),
    _case(name="unlisted-inspector", what="an inspecting firewall nobody has heard of, for "
          "smtp.gmail.com", expert="Google's server never shows a private authority: intercepted",
          build=_inspected("Contoso Perimeter", "Contoso Perimeter CA", GMAIL), target=GMAIL,
          causes=(*INTERCEPTED, "tls.certificate_untrusted_root"),
          told="in between|intercept|something else|somebody", never=(TRUST_IT, BY_ITS_NAME)),
    _case(name="unlisted-inspector-root-not-sent", what="the same, its root not sent",
          expert="Google's server never shows a private authority: intercepted",
          build=_inspected("Contoso Perimeter", "Contoso Perimeter CA", GMAIL, sent=False),
          target=GMAIL, causes=(*INTERCEPTED, "tls.certificate_incomplete_chain"),
          told="in between|intercept|something else|somebody",
          never=(TRUST_IT, BY_ITS_NAME)),
    _case(name="redirected-port", what="smtp.gmail.com:465 led to the network's own mail server",
          expert="the network redirects the port: do not log in", build=_redirected(),
          target=GMAIL, causes=(*INTERCEPTED, "tls.certificate_wrong_host"),
          told="redirect|somebody|intercept|not (Google|the provider|Gmail)",
          fix=("not log in|password|network",), never=(BY_ITS_NAME, TRUST_IT)),
    _case(name="redirected-port-with-login", what="the same, asked with a login",
          expert="the network redirects the port: do not log in", build=_redirected(),
          target=GMAIL, options=LOGIN, causes=(*INTERCEPTED, "tls.certificate_wrong_host"),
          told="redirect|somebody|intercept|not (Google|the provider|Gmail)",
          fix=("not log in|password|network",), never=(BY_ITS_NAME, TRUST_IT)),
    _case(name="redirected-587", what="smtp.gmail.com:587 led to the network's own mail server",
          expert="the network redirects the port: do not log in",
          build=_redirected(587, smtpd_tls_security_level="may"), target=f"{GMAIL}:587",
          options=("--starttls",), causes=(*INTERCEPTED, "tls.certificate_wrong_host"),
          told="redirect|somebody|intercept|not (Google|the provider|Gmail)",
          never=(BY_ITS_NAME, TRUST_IT)),
    _case(name="redirected-25", what="smtp.gmail.com:25 led to the network's own mail server",
          expert="the network redirects port 25, as many do",
          build=_redirected(25, smtpd_tls_security_level="may"), target=f"{GMAIL}:25",
          options=("--starttls",), causes=(*INTERCEPTED, "tls.certificate_wrong_host"),
          told="redirect|somebody|intercept|not (Google|the provider|Gmail)",
          never=(BY_ITS_NAME, TRUST_IT, "wrappermode")),
    _case(name="hijacked-name", what="smtp.gmail.com led by DNS to a self-signed server",
          expert="that is not Google: DNS or the network leads elsewhere", build=_hijacked,
          target=GMAIL, causes=(*INTERCEPTED, "tls.certificate_self_signed",
                  "tls.certificate_wrong_host"),
          told="redirect|somebody|intercept|not (Google|the provider|Gmail)|DNS",
          also=("tls.certificate_wrong_host", "tls.certificate_self_signed"),
          never=(BY_ITS_NAME, r"--ca-file|--fingerprint")),
    _case(name="hosting-server-for-a-provider", what="smtp.gmail.com with a hosting server's "
          "certificate", expert="that is not Google: DNS or the network leads elsewhere",
          build=_default_of_a_host, target=GMAIL,
          causes=(*INTERCEPTED, "tls.certificate_wrong_host"),
          told="redirect|somebody|intercept|not (Google|the provider|Gmail)|DNS",
          never=(BY_ITS_NAME,)),
    _case(name="hotel-portal", what="a hotel's portal that answers for every host on every port",
          expert="a portal in between: sign in to the network first", build=_portal, target=GMAIL,
          causes=("net.portal",), told="captive portal", fix=("log in to the network",),
          also=("tls.not_smtp", "smtp.not_smtp", "smtp.other_service"), never=(BY_ITS_NAME,)),
    _case(name="hotel-portal-for-any-server",
          what="the same portal in place of a server that no list knows",
          expert="a portal in between: sign in to the network first", build=_any_portal,
          causes=("net.portal",), told="captive portal", fix=("log in to the network",),
          never=(BY_ITS_NAME, "added to the certificate")),
    _case(name="portal-in-the-clear", what="a portal that answers in HTTP without TLS",
          expert="a web server in place of the mail server: a portal, or a wrong address",
          build=_clear_portal, causes=("tls.not_tls", "smtp.web_server", "smtp.other_service",
          "tls.closed"),
          told="HTTP|web|portal", never=("wrappermode",)),
    _case(name="starttls-masked", what="a firewall that masks the greeting and STARTTLS (Cisco)",
          expert="a device in between takes STARTTLS away: switch its SMTP inspection off",
          build=_behind("inspect"), target=f"{HOST}:587", options=("--starttls",),
          causes=("tls.starttls_not_offered", "tls.starttls_stripped", "tls.starttls_masked"),
          told=r"XXXX|\*\*\*|inspect|in between|masks", fix=("inspect|device|firewall",)),
    _case(name="pix-greeting", what="a greeting of asterisks, and no EHLO, on 587",
          expert="a Cisco firewall's SMTP inspection: switch it off", build=_pix,
          target=f"{HOST}:587", options=("--starttls",),
          causes=("tls.starttls_not_offered", "smtp.ehlo_refused", "tls.starttls_stripped",
                  "tls.starttls_masked"),
          told=r"\*\*\*|inspect|in between|masks|firewall", fix=("inspect|device|firewall",)),
    _case(name="starttls-injection", what="somebody who puts a reply behind that to STARTTLS",
          expert="a reply from before TLS: somebody injects",
          build=_behind("inject"), target=f"{HOST}:587", options=("--starttls",),
          causes=("tls.starttls_injection",)),
    _case(name="reset-by-name", what="a filter that resets a ClientHello with this name",
          expert="somebody filters by name: without it the handshake goes through",
          build=_by_name("reset"),
          causes=("tls.name_blocked", "net.reset", "tls.reset_by_name", "tls.filtered_by_name"),
          told="by name|name in|with (this|the|its) name|without (the|a|its) name|SNI",
          fix=("network|filter|firewall",)),
    _case(name="swallowed-by-name", what="a filter that swallows a ClientHello with this name",
          expert="somebody filters by name: without it the handshake goes through",
          build=_by_name("silence"),
          causes=("tls.name_blocked", "tls.timeout", "tls.reset_by_name", "tls.filtered_by_name"),
          told="by name|name in|with (this|the|its) name|without (the|a|its) name|SNI",
          fix=("network|filter|firewall",)),
    _case(name="scanner-without-server", what="a virus scanner's proxy that reaches no server",
          expert="the scanner's proxy answers, not the server", build=_scanner,
          causes=("smtp.proxy_error", "smtp.backend_down", "smtp.proxy", "smtp.no_backend",
                  "smtp.proxy_without_server", "smtp.proxy_failed"),
          told="proxy|scanner|antivirus|in between", verdicts=("fails", "later", "unknown"),
          fix=("scanner|antivirus|proxy",)),
)  # fmt: skip
