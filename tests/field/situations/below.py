"""Below SMTP: another service behind TLS, TLS before nothing, and servers that expect a proxy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.field.lab import HOST, Lab
from tests.field.network import MAIL
from tests.field.servers import (
    IMPLICIT,
    STARTTLS,
    dovecot,
    haproxy,
    nginx,
    nginx_stream,
    postfix,
    s_server,
    sink,
    stunnel,
    web,
)
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="below SMTP")
NOT_SMTP = (
    "smtp.web_server", "smtp.incoming_mail_server","tls.not_smtp", "smtp.not_smtp",
    "smtp.other_service", "smtp.not_a_reply",
            "tls.not_tls")  # fmt: skip
CLEAR = (
    "smtp.web_server",
    "smtp.incoming_mail_server",
    "tls.not_tls",
    "smtp.not_smtp",
    "smtp.other_service",
    "tls.not_smtp",
)
NO_BACKEND = ("smtp.no_backend", "smtp.backend_down", "net.closed_by_server", "net.reset",
              "smtp.closed_before_greeting")  # fmt: skip
PROXY = (
    "smtp.proxy_header_wanted","smtp.proxy_protocol_expected", "net.proxy_expected",
    "smtp.proxy_expected",
         "tls.proxy_protocol_expected", "net.closed_by_server", "tls.closed", "net.reset",
         "net.proxy_protocol_expected", "tls.proxy_expected")  # fmt: skip
PORTS = "465|587|mail|SMTP|port"


def _dovecot(protocol: str, kind: str = "tls", port: int = 465) -> Callable[[Lab], None]:
    return lambda lab: dovecot(lab, lab.certificate(), {protocol: {port: kind}})


def _ftp(lab: Lab, *, tls: bool) -> None:
    files = lab.certificate(key="rsa")
    empty = lab.directory / "empty"
    empty.mkdir()
    settings = {
        "listen": "YES", "listen_address": MAIL, "listen_port": "465", "background": "NO",
        "anonymous_enable": "YES", "anon_root": str(empty), "secure_chroot_dir": str(empty),
        "ssl_enable": "YES" if tls else "NO", "implicit_ssl": "YES" if tls else "NO",
        "rsa_cert_file": str(files.chain), "rsa_private_key_file": str(files.key),
        "allow_anon_ssl": "YES", "ssl_ciphers": "HIGH", "seccomp_sandbox": "NO",
    }  # fmt: skip
    conf = lab.file("vsftpd.conf", "".join(f"{key}={value}\n" for key, value in settings.items()))
    lab.spawn("/usr/sbin/vsftpd", conf)
    lab.listening(465)


def _ssh(lab: Lab) -> None:
    lab.program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "host_key")
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd wants it
    lab.spawn("/usr/sbin/sshd", "-D", "-p", "465", "-h", lab.directory / "host_key", "-f",
              "/dev/null", "-o", "PidFile=none", "-o", f"ListenAddress={MAIL}")  # fmt: skip
    lab.listening(465)


def _redis(lab: Lab) -> None:
    lab.spawn("/usr/bin/redis-server", "--port", "6379", "--bind", "127.0.0.1", "--save", "",
              "--dir", lab.directory)  # fmt: skip
    lab.listening(6379)
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:6379")


def _mqtt(lab: Lab) -> None:
    files = lab.certificate()
    for path in (files.chain, files.key):
        path.chmod(0o644)
    conf = lab.file(
        "mosquitto.conf",
        f"""\
listener 465 {MAIL}
certfile {files.chain}
keyfile {files.key}
allow_anonymous true
""",
    )
    lab.spawn("/usr/sbin/mosquitto", "-c", conf)
    lab.listening(465)


def _ldap(lab: Lab) -> None:
    (lab.directory / "ldap").mkdir()
    conf = lab.file(
        "slapd.conf",
        f"""\
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {lab.directory}/slapd.pid
database mdb
suffix "dc=example,dc=com"
directory {lab.directory}/ldap
""",
    )
    lab.spawn("/usr/sbin/slapd", "-d", "0", "-f", conf, "-h", "ldap://127.0.0.1:389")
    lab.listening(389)
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:389")


def _postgresql(lab: Lab) -> None:
    """On the mail port: it waits for the client and knows neither TLS nor SMTP."""
    found = max(Path("/usr/lib/postgresql").iterdir())
    data = lab.directory / "pg"
    data.mkdir()
    shutil.chown(data, "postgres")
    as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    lab.program(*as_postgres, f"{found}/bin/initdb", "-D", data, "-A", "trust", "--no-sync")
    lab.spawn(
        *as_postgres, f"{found}/bin/postgres", "-D", data, "-p", "465", "-h", MAIL, "-k", data
    )
    lab.listening(465)


def _backend(front: str, behind: str) -> Callable[[Lab], None]:
    """A TLS front, and behind it: nothing (dead), silence (mute), a server (living)."""

    def build(lab: Lab) -> None:
        if behind == "living":
            sink(lab, 10025)
        elif behind == "mute":
            lab.device("say", 10025, "--way", "silence", address="127.0.0.1")
        files = lab.certificate()
        if front == "stunnel":
            stunnel(lab, files, 465, "127.0.0.1:10025")
        elif front == "nginx":
            nginx_stream(lab, files, "127.0.0.1:10025")
        else:
            haproxy(lab, files, backend="127.0.0.1:10025 check" if behind == "dead" else "")

    return build


def _postfix_behind(
    ports: dict[int, dict[str, str]], program: str = "smtpd", **main: str
) -> Callable[[Lab], None]:
    return lambda lab: postfix(lab, lab.certificate(), ports, main=main, program=program)


def _nginx_proxied(lab: Lab) -> None:
    sink(lab, 10025)
    nginx_stream(lab, lab.certificate(), "127.0.0.1:10025", "proxied")


def _haproxy_proxied(lab: Lab) -> None:
    sink(lab, 10025)
    haproxy(lab, lab.certificate(), bind="accept-proxy")


def _unexpected_header(lab: Lab) -> None:
    """HAProxy announces the client to a Postfix that knows nothing of it."""
    files = lab.certificate()
    postfix(lab, files, {10025: {}}, listen="127.0.0.1")
    haproxy(lab, files, backend="127.0.0.1:10025 send-proxy")


def _twice(lab: Lab) -> None:
    """TLS in front of a server that begins with TLS itself."""
    files = lab.certificate()
    postfix(lab, files, {10465: IMPLICIT}, listen="127.0.0.1")
    stunnel(lab, files, 465, "127.0.0.1:10465")


def _starttls_behind(lab: Lab) -> None:
    files = lab.certificate()
    postfix(lab, files, {10587: STARTTLS}, listen="127.0.0.1")
    stunnel(lab, files, 465, "127.0.0.1:10587")


def _lmtp(lab: Lab) -> None:
    sink(lab, 10024, "-L")
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:10024")


def _http_mode(lab: Lab) -> None:
    sink(lab, 10025)
    haproxy(lab, lab.certificate(), mode="http")


def _echo(lab: Lab) -> None:
    lab.spawn("/usr/bin/socat", "TCP-LISTEN:10007,bind=127.0.0.1,fork,reuseaddr", "EXEC:cat")
    lab.listening(10007)
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:10007")


def _plain_echo(lab: Lab) -> None:
    lab.spawn("/usr/bin/socat", f"TCP-LISTEN:465,bind={MAIL},fork,reuseaddr", "EXEC:cat")
    lab.listening(465)


def _other(lab: Lab, text: str, *, way: str = "silence") -> None:
    """A service that greets in its own way, behind TLS."""
    lab.device("say", 10000, "--text", text, "--way", way, address="127.0.0.1")
    stunnel(lab, lab.certificate(), 465, "127.0.0.1:10000")


def _imap_behind_nginx(lab: Lab) -> None:
    """The port of one service wired to another behind a common front."""
    files = lab.certificate()
    dovecot(lab, files, {"imap": {10143: "clear"}})
    nginx_stream(lab, files, "127.0.0.1:10143")


def _web_on_443(lab: Lab) -> None:
    web(lab, lab.certificate(), 443)


def _nginx_http2(lab: Lab) -> None:
    files = lab.certificate()
    nginx(
        lab,
        f"""http {{ access_log off; server {{ listen {MAIL}:465 ssl http2;
        server_name {HOST}; ssl_certificate {files.chain}; ssl_certificate_key {files.key};
        return 404; }} }}""",
        465,
    )


SITUATIONS = (
    _case(name="https", what="nginx as a web server on port 465",
          expert="a web server behind TLS", build=lambda lab: web(lab, lab.certificate()),
          causes=NOT_SMTP, told="HTTP|web server", fix=(PORTS,), never=("wait longer", "tarpit")),
    _case(name="https-443", what="nginx as a web server, asked on 443",
          expert="a web server; mail is on another port", build=_web_on_443,
          target=f"{HOST}:443", causes=NOT_SMTP, told="HTTP|web server", fix=("465|587",)),
    _case(name="https-http2", what="nginx with HTTP/2 on port 465",
          expert="a web server behind TLS", build=_nginx_http2,
          causes=NOT_SMTP, told="HTTP|web server", fix=(PORTS,)),
    _case(name="openssl-www", what="openssl s_server -www, which answers HTTP only",
          expert="a web server behind TLS",
          build=lambda lab: s_server(lab, lab.certificate(), "-www"),
          causes=(*NOT_SMTP, "smtp.greeting_timeout"), told="HTTP|web server"),
    _case(name="http-in-the-clear", what="nginx without TLS on port 465",
          expert="a web server without TLS",
          build=lambda lab: web(lab, lab.certificate(), tls=False),
          causes=CLEAR, told="HTTP|web server", fix=(PORTS,), never=("wrappermode",)),
    _case(name="haproxy-http-mode", what="HAProxy with mode http in front of a mail server",
          expert="the front speaks HTTP: mode tcp is needed", build=_http_mode,
          causes=NOT_SMTP, told="HTTP|web"),
    _case(name="imaps", what="Dovecot's IMAPS on port 465",
          expert="an IMAP server: wrong port or wiring", build=_dovecot("imap"),
          causes=NOT_SMTP, told="IMAP", fix=(PORTS,)),
    _case(name="pop3s", what="Dovecot's POP3S on port 465",
          expert="a POP3 server: wrong port or wiring", build=_dovecot("pop3"),
          causes=NOT_SMTP, told="POP", fix=(PORTS,)),
    _case(name="imap-in-the-clear", what="Dovecot's IMAP without TLS on port 465",
          expert="an IMAP server without TLS", build=_dovecot("imap", "clear"),
          causes=CLEAR, told="IMAP", never=("wrappermode",)),
    _case(name="pop3-in-the-clear", what="Dovecot's POP3 without TLS on port 465",
          expert="a POP3 server without TLS", build=_dovecot("pop3", "clear"),
          causes=CLEAR, told="POP", never=("wrappermode",)),
    _case(name="imap-behind-nginx", what="nginx with TLS on 465, wired to IMAP",
          expert="an IMAP server behind TLS", build=_imap_behind_nginx,
          causes=NOT_SMTP, told="IMAP"),
    _case(name="ftps", what="vsftpd with implicit TLS on port 465",
          expert="an FTP server: its 220 is not SMTP's", build=partial(_ftp, tls=True),
          causes=(*NOT_SMTP, "smtp.ehlo_refused"), told="FTP", fix=(PORTS,)),
    _case(name="ftp-in-the-clear", what="vsftpd without TLS on port 465",
          expert="an FTP server without TLS: its 220 is not SMTP's",
          build=partial(_ftp, tls=False), causes=CLEAR, told="FTP", never=("wrappermode",)),
    _case(name="ssh", what="OpenSSH on port 465",
          expert="an SSH server", build=_ssh, causes=CLEAR, told="SSH", fix=(PORTS,),
          never=("wrappermode",)),
    _case(name="redis", what="Redis behind stunnel on port 465",
          expert="Redis, or at least no mail server", build=_redis,
          causes=(*NOT_SMTP, "smtp.greeting_timeout"),
          told="redis|no (SMTP|mail)|not (an? )?(SMTP|mail)|neither"),
    _case(name="mqtt", what="Mosquitto with TLS on port 465",
          expert="no mail server: it waits for the client and hangs up on SMTP", build=_mqtt,
          causes=(*NOT_SMTP, "smtp.greeting_timeout"),
          told="MQTT|no (SMTP|mail)|not (an? )?(SMTP|mail)|client (speaks|talks) first|another"),
    _case(name="ldaps", what="OpenLDAP behind stunnel on port 465",
          expert="no mail server: LDAP waits for the client", build=_ldap,
          causes=(*NOT_SMTP, "smtp.greeting_timeout"),
          told="LDAP|no (SMTP|mail)|not (an? )?(SMTP|mail)|client (speaks|talks) first|another"),
    _case(name="postgresql", what="PostgreSQL on port 465",
          expert="no TLS and no SMTP: it hangs up on a ClientHello", build=_postgresql,
          causes=("tls.closed", "tls.not_tls", "smtp.other_service"),
          told="hung up|clos|hangs up|another|not TLS"),
    _case(name="lmtp", what="an LMTP server behind stunnel on port 465",
          expert="LMTP, for deliveries on the inside; not for clients", build=_lmtp,
          causes=(*NOT_SMTP, "smtp.ehlo_refused", "smtp.lmtp"), told="LMTP"),
    _case(name="echo", what="an echo service behind stunnel",
          expert="no mail server: it says what it hears", build=_echo,
          causes=(*NOT_SMTP, "smtp.greeting_timeout", "smtp.unexpected_reply"),
          told="echo|no (SMTP|mail)|not (an? )?(SMTP|mail)|not a reply|EHLO|repeat"),
    _case(name="echo-in-the-clear", what="an echo service without TLS on port 465",
          expert="no TLS: it sends the ClientHello back", build=_plain_echo,
          causes=("tls.not_tls", "tls.failed", "smtp.other_service"),
          told="echo|own|back|repeat|not TLS"),
    _case(name="nntp", what="a news server's greeting behind stunnel",
          expert="a news server (NNTP: 200, posting allowed)",
          build=partial(_other, text=r"200 news.example.com InterNetNews NNRP server ready "
                                     r"(posting ok)\r\n"),
          causes=(*NOT_SMTP, "smtp.wrong_code", "smtp.greeting_refused"), told="NNTP|news"),
    _case(name="sieve", what="ManageSieve's greeting behind stunnel",
          expert="a ManageSieve server",
          build=partial(_other, text='"IMPLEMENTATION" "Dovecot Pigeonhole"\\r\\n"SIEVE" '
                                     '"fileinto"\\r\\n"SASL" "PLAIN"\\r\\nOK "ready."\\r\\n'),
          causes=NOT_SMTP, told="sieve|no (SMTP|mail)|not (an? )?(SMTP|mail)"),
    _case(name="mysql", what="a MySQL server's greeting on port 465",
          expert="MySQL, no TLS at first",
          build=lambda lab: lab.device("say", 465, "--text", r"\x4a\x00\x00\x00\x0a8.0.36\x00"
                                       r"\x08\x00\x00\x00mysql_native_password\x00",
                                       "--way", "silence"),
          causes=CLEAR, told="MySQL|database|neither|not TLS|no mail", never=("wrappermode",)),
    _case(name="stunnel-dead-backend", what="stunnel whose backend is not running",
          expert="TLS is there, the mail server behind it is not", build=_backend("stunnel",
          "dead"),
          causes=NO_BACKEND, told="behind|backend|back end", fix=("behind|backend|back end|log",)),
    _case(name="nginx-dead-backend", what="nginx (stream) whose backend is not running",
          expert="TLS is there, the mail server behind it is not", build=_backend("nginx", "dead"),
          causes=NO_BACKEND, told="behind|backend|back end", fix=("behind|backend|back end|log",)),
    _case(name="haproxy-dead-backend", what="HAProxy whose only backend is down",
          expert="TLS is there, the mail server behind it is not", build=_backend("haproxy",
          "dead"),
          causes=NO_BACKEND, told="behind|backend|back end", fix=("behind|backend|back end|log",)),
    _case(name="mute-backend", what="stunnel in front of a server that says nothing",
          expert="TLS is there; what is behind it does not speak", build=_backend("stunnel",
          "mute"),
          causes=("smtp.greeting_timeout", "smtp.no_backend", "smtp.backend_silent"),
          told="behind|backend|no greeting|did not greet|silent|nothing"),
    _case(name="haproxy-living-backend", what="HAProxy in front of a good server",
          expert="nothing is wrong", build=_backend("haproxy", "living"), verdicts=HEALTHY),
    _case(name="nginx-living-backend", what="nginx (stream) in front of a good server",
          expert="nothing is wrong", build=_backend("nginx", "living"), verdicts=HEALTHY),
    _case(name="postfix-expects-proxy", what="Postfix on 465 that waits for a PROXY header",
          expert="the port is for a load balancer: it waits for a PROXY header",
          build=_postfix_behind({465: IMPLICIT}, smtpd_upstream_proxy_protocol="haproxy",
                                smtpd_upstream_proxy_timeout="5s"),
          causes=(*PROXY, "tls.timeout", "tls.plaintext_on_tls_port"), told="PROXY",
          fix=("PROXY",), never=("smtpd_tls_wrappermode ?= ?yes",)),
    _case(name="postfix-expects-proxy-before-tls",
          what="the same, its time limit as it is by default",
          expert="the port is for a load balancer: it waits for a PROXY header",
          build=_postfix_behind({465: IMPLICIT}, smtpd_upstream_proxy_protocol="haproxy"),
          causes=("smtp.proxy_header_wanted",), told="PROXY", fix=("PROXY",)),
    _case(name="postfix-starttls-expects-proxy",
          what="Postfix on 587 that waits for a PROXY header",
          expert="the port is for a load balancer: it waits for a PROXY header",
          build=_postfix_behind({587: STARTTLS}, smtpd_upstream_proxy_protocol="haproxy",
                                smtpd_upstream_proxy_timeout="5s"),
          target=f"{HOST}:587", options=("--starttls",),
          causes=(*PROXY, "smtp.greeting_timeout", "smtp.shutting_down"), told="PROXY",
          fix=("PROXY",)),
    _case(name="dovecot-expects-proxy", what="Dovecot on 465 that waits for a PROXY header",
          expert="the port is for a load balancer: it waits for a PROXY header",
          build=lambda lab: dovecot(
              lab, lab.certificate(), {"submission": {465: "ssl = yes\n    haproxy = yes"}},
              more="haproxy_trusted_networks = 77.4.5.0/24\nhaproxy_timeout = 3s\n"),
          causes=(*PROXY, "tls.timeout"), told="PROXY", fix=("PROXY",)),
    _case(name="nginx-expects-proxy", what="nginx (stream) that waits for a PROXY header",
          expert="the port is for a load balancer: it waits for a PROXY header",
          build=_nginx_proxied, causes=PROXY, told="PROXY", fix=("PROXY",)),
    _case(name="haproxy-expects-proxy", what="HAProxy with accept-proxy",
          expert="the port is for a load balancer: it waits for a PROXY header",
          build=_haproxy_proxied, causes=PROXY, told="PROXY", fix=("PROXY",)),
    _case(name="proxy-header-not-expected",
          what="HAProxy with send-proxy in front of a Postfix that expects no header",
          expert="a reply to something the client did not say: a PROXY header in front of it",
          build=_unexpected_header,
          causes=("smtp.unexpected_reply", "smtp.ehlo_refused", "smtp.proxy_header_refused",
                  "smtp.synchronization", "smtp.out_of_sequence", "tls.plaintext_in_tls",
                  "smtp.wrong_code"),
          told="PROXY|nothing (had )?asked|did not (say|send)|in front"),
    _case(name="tls-inside-tls", what="stunnel in front of a Postfix with wrapper mode",
          expert="TLS inside TLS: the server behind begins with TLS itself", build=_twice,
          causes=("smtp.greeting_timeout", "tls.twice", "smtp.tls_inside_tls", "smtp.not_a_reply",
                  "smtp.other_service", "tls.inside_tls", "tls.tls_inside_tls"),
          told="twice|inside TLS|TLS again|second TLS|(begins?|starts?) with TLS"),
    _case(name="starttls-inside-tls", what="stunnel in front of a Postfix that wants STARTTLS",
          expert="STARTTLS is offered inside TLS: the front and Postfix do not know of each other",
          build=_starttls_behind, verdicts=("warnings", "fails"),
          causes=("tls.starttls_inside_tls", "smtp.starttls_required"), told="STARTTLS",
          also=("auth.not_offered", "tls.starttls_inside_tls")),
)  # fmt: skip
