"""Real software, each started by one function with the least that makes it run."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.peers.dovecot import as_installed

from .authority import Files
from .lab import HOST, ROOT, Lab
from .network import MAIL

NOBODY = 65534
USER, PASSWORD = "ann@example.com", "corr3ct horse battery"
LOGIN = ("--username", USER, "--password-command", f"echo '{PASSWORD}'")
WRONG_LOGIN = ("--username", USER, "--password-command", "echo guessed")

_MAIN = """\
compatibility_level = 3.6
queue_directory = {run}/queue
data_directory = {run}/data
maillog_file = {run}/postfix-mail.log
maillog_file_prefixes = {run}
myhostname = {host}
inet_interfaces = all
mynetworks = 127.0.0.1
smtp_host_lookup = native
mydestination =
alias_maps =
alias_database =
virtual_mailbox_domains = example.com
virtual_mailbox_maps = inline:{{ {{ann@example.com=inbox/}}, {{bob@example.com=inbox/}} }}
virtual_mailbox_base = {run}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
relay_transport = error:nothing leaves this network
default_transport = error:nothing leaves this network
smtpd_tls_cert_file = {chain}
smtpd_tls_key_file = {key}
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_exclude_ciphers = aNULL, MD5, RC4, 3DES
tls_preempt_cipherlist = yes
"""

_SERVICES = """\
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
error     unix  - - n -     - error
retry     unix  - - n -     - error
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
dnsblog   unix  - - n -     0 dnsblog
smtpd     pass  - - n -     - smtpd
tlsproxy  unix  - - n -     0 tlsproxy
postlog   unix-dgram n - n - 1 postlogd
"""

IMPLICIT = {"smtpd_tls_wrappermode": "yes"}
STARTTLS = {"smtpd_tls_security_level": "encrypt"}
MX = {"smtpd_tls_security_level": "may"}
SASL = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "dovecot",
    "smtpd_sasl_path": "{run}/../dovecot/auth",
    "smtpd_tls_auth_only": "yes",
}
MEMBERS = {"smtpd_relay_restrictions": "permit_sasl_authenticated,reject"}


def postfix(
    lab: Lab,
    files: Files,
    ports: dict[int, dict[str, str]],
    *,
    main: dict[str, str] | None = None,
    program: str = "smtpd",
    listen: str = "",
    processes: str = "-",
    name: str = "postfix",
) -> None:
    """Postfix with a service on each port; settings as in main.cf."""
    run = lab.directory / name
    for each in ("conf", "queue", "data", "mail"):
        (run / each).mkdir(parents=True)
    run.chmod(0o755)
    os.chown(run / "mail", NOBODY, NOBODY)
    shutil.chown(run / "data", "postfix")
    values = {"run": run, "chain": files.chain, "key": files.key, "host": HOST}
    text = _MAIN.format_map(values)
    text += "".join(f"{key} = {_in(run, value)}\n" for key, value in (main or {}).items())
    lines = []
    for port, options in ports.items():
        place = f"{listen}:{port}" if listen else str(port)
        count = "1" if program == "postscreen" else processes
        lines.append(f"{place} inet n - n - {count} {program}")
        lines += [f"  -o {{{key} = {_in(run, value)}}}" for key, value in options.items()]
    for file, said in (("main.cf", text), ("master.cf", "\n".join(lines) + "\n" + _SERVICES)):
        path = run / "conf" / file
        path.write_text(said)
        os.utime(path, (0, 0))  # Postfix sleeps before it trusts a fresh file
    lab.program("/bin/sh", "-c", f"postfix -c {run}/conf check || true")
    lab.spawn("/usr/lib/postfix/sbin/master", "-c", f"{run}/conf",
              POSTLOG_SERVICE=f"{run}/queue/public/postlog", POSTLOG_HOSTNAME="mail")  # fmt: skip
    lab.listening(*ports)


def _in(run: Path, value: str) -> str:
    return value.replace("{run}", str(run))


_DOVECOT = """\
base_dir = {run}/run
state_dir = {run}/state
log_path = {run}/dovecot.log
hostname = {host}
protocols = {protocols}
ssl = {ssl}
ssl_cert = <{chain}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
default_vsz_limit = 0
passdb {{
  {passdb}
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={run}/home
}}
mail_location = maildir:~/Maildir
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_relay_trusted = yes
service auth {{
  unix_listener {run}/auth {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


def members(lab: Lab, files: Files, ports: dict[int, dict[str, str]], **settings: Any) -> None:
    """Postfix with logins, which Dovecot checks: what most operators have."""
    mechanisms = settings.pop("mechanisms", "plain login")
    users = settings.pop("users", f"{USER}:{{PLAIN}}{PASSWORD}::::::\n")
    dovecot(lab, files, mechanisms=mechanisms, users=users, passdb=settings.pop("passdb", ""))
    postfix(lab, files, {port: {**SASL, **MEMBERS, **more} for port, more in ports.items()},
            **settings)  # fmt: skip


def beforehand(lab: Lab, *lines: str) -> None:
    """Say something on port 465 from the client's machine, before the client comes."""
    script = (
        "import socket, ssl, sys\n"
        "context = ssl._create_unverified_context()\n"
        f"raw = socket.create_connection(('{MAIL}', 465))\n"
        "server = context.wrap_socket(raw).makefile('rwb')\n"
        "for line in ('', 'EHLO client.example.net', *sys.argv[1:], 'QUIT'):\n"
        "    if line: server.write(line.encode() + b'\\r\\n'); server.flush()\n"
        "    while server.readline()[3:4] == b'-': pass\n"
    )
    lab.program("/usr/bin/nsenter", f"--net=/run/netns/{lab.network.here}", sys.executable, "-c",
                script, *lines)  # fmt: skip


_LISTENERS = {"submission": "submission-login", "imap": "imap-login", "pop3": "pop3-login"}
_OWN = {"submission": ("submission", "submissions"), "imap": ("imap", "imaps"),
        "pop3": ("pop3", "pop3s")}  # fmt: skip


def dovecot(
    lab: Lab,
    files: Files,
    ports: dict[str, dict[int, str]] | None = None,
    *,
    mechanisms: str = "plain login",
    users: str = f"{USER}:{{PLAIN}}{PASSWORD}::::::\n",
    passdb: str = "",
    relay: int = 10026,
    more: str = "",
) -> None:
    """Dovecot: for each protocol, ports with ``tls``, ``clear`` or settings of the listener."""
    run = lab.directory / "dovecot"
    for each in ("run", "state", "home"):
        (run / each).mkdir(parents=True)
    run.chmod(0o755)
    (run / "users").write_text(users)
    os.chown(run / "home", NOBODY, NOBODY)
    wanted = ports or {}
    text = _DOVECOT.format(
        run=run, host=HOST, protocols=" ".join(wanted) or "none", chain=files.chain, key=files.key,
        ssl="yes", mechanisms=mechanisms, relay=relay,
        passdb=passdb or f"driver = passwd-file\n  args = username_format=%u {run}/users",
    )  # fmt: skip
    for protocol, listeners in wanted.items():
        text += f"service {_LISTENERS[protocol]} {{\n"
        text += "".join(
            f"  inet_listener {name} {{\n    port = 0\n  }}\n" for name in _OWN[protocol]
        )
        for number, (port, kind) in enumerate(listeners.items()):
            setting = {"tls": "ssl = yes", "clear": "ssl = no"}.get(kind, kind)
            text += f"  inet_listener field{number} {{\n    port = {port}\n    {setting}\n  }}\n"
        text += "}\n"
    text = as_installed(text + more.replace("{run}", str(run)))
    conf = lab.file("dovecot/dovecot.conf", text)
    lab.spawn("/usr/sbin/dovecot", "-F", "-c", conf)
    lab.listening(*(port for listeners in wanted.values() for port in listeners))
    _appears(lab, run / "auth")


def _appears(lab: Lab, path: Path) -> None:
    lab.program("/bin/sh", "-c", f"i=0; until [ -e {path} ]; do i=$((i+1)); [ $i -lt 600 ] || "
                "exit 1; sleep 0.05; done")  # fmt: skip


def sink(lab: Lab, port: int, *options: str, address: str = "127.0.0.1") -> None:
    """Postfix's test server in the clear; its options choose what it refuses, and how."""
    lab.spawn(
        "/usr/sbin/smtp-sink", "-u", "nobody", "-h", HOST, *options, f"{address}:{port}", "100"
    )
    lab.listening(port)


def stunnel(
    lab: Lab, files: Files, port: int, to: str, *settings: str, address: str = MAIL
) -> None:
    """TLS in front of another server."""
    more = "\n".join(settings)
    conf = lab.file(
        f"stunnel{port}.conf",
        f"""\
foreground = yes
pid =
[mail]
accept = {address}:{port}
connect = {to}
cert = {files.chain}
key = {files.key}
{more}
""",
    )
    lab.spawn("/usr/bin/stunnel4", conf)
    lab.listening(port)


def tls_front(lab: Lab, files: Files, *settings: str, port: int = 465, address: str = MAIL) -> None:
    """A mail server behind stunnel."""
    sink(lab, 10025)
    stunnel(lab, files, port, "127.0.0.1:10025", *settings, address=address)


def nginx(lab: Lab, config: str, *ports: int) -> None:
    """Nginx with what comes behind ``events``."""
    lab.directory.joinpath("nginx").mkdir()
    modules = "".join(f"load_module /usr/lib/nginx/modules/ngx_{each}_module.so;\n"
                      for each in ("stream", "mail"))  # fmt: skip
    head = (f"{modules}daemon off; pid {lab.directory}/nginx.pid; user nobody nogroup;\n"
            f"error_log {lab.directory}/nginx.log info; events {{}}\n")  # fmt: skip
    conf = lab.file("nginx.conf", head + config)
    lab.spawn("/usr/sbin/nginx", "-c", conf, "-p", lab.directory)
    lab.listening(*ports)


def nginx_stream(lab: Lab, files: Files, to: str, more: str = "", port: int = 465) -> None:
    """Nginx as TLS front of anything."""
    nginx(
        lab,
        f"""stream {{ server {{
        listen {MAIL}:{port} ssl {"proxy_protocol" if "proxied" in more else ""};
        ssl_certificate {files.chain}; ssl_certificate_key {files.key};
        {more.replace("proxied", "")}
        proxy_pass {to}; proxy_connect_timeout 2s; }} }}""",
        port,
    )


def web(lab: Lab, files: Files, port: int = 465, *, tls: bool = True) -> None:
    """Nginx as an ordinary web server."""
    nginx(
        lab,
        f"""http {{ access_log off; server {{
        listen {MAIL}:{port} {"ssl" if tls else ""}; server_name {HOST};
        ssl_certificate {files.chain}; ssl_certificate_key {files.key};
        location / {{ return 200 "hello"; }} }} }}""",
        port,
    )


def haproxy(
    lab: Lab, files: Files, *, bind: str = "", backend: str = "", mode: str = "tcp"
) -> None:
    """HAProxy with TLS on 465."""
    conf = lab.file(
        "haproxy.cfg",
        f"""\
global
  maxconn 100
defaults
  mode {mode}
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend mail
  bind {MAIL}:465 ssl crt {files.both} {bind}
  default_backend mail
backend mail
  server one {backend or "127.0.0.1:10025"}
""",
    )
    lab.spawn("/usr/sbin/haproxy", "-db", "-f", conf)
    lab.listening(465)


def s_server(lab: Lab, files: Files | None, *options: str, port: int = 465) -> None:
    """OpenSSL's test server with what it is told to do."""
    certificate = (["-cert", files.chain, "-key", files.key, "-cert_chain", files.chain]
                   if files else ["-nocert"])  # fmt: skip
    lab.spawn("/usr/bin/openssl", "s_server", "-accept", f"{MAIL}:{port}", *certificate, *options,
              "-quiet")  # fmt: skip
    lab.listening(port)


def gnutls(lab: Lab, files: Files | None, priority: str, *options: str, port: int = 465) -> None:
    """GnuTLS's test server."""
    certificate = ([f"--x509certfile={files.chain}", f"--x509keyfile={files.key}"]
                   if files else [])  # fmt: skip
    lab.spawn("/usr/bin/gnutls-serv", "--echo", f"--port={port}", f"--priority={priority}",
              *certificate, *options)  # fmt: skip
    lab.listening(port)


def peer(lab: Lab, kind: str, files: Files, address: str) -> None:
    """A server of ``tests/peers`` on 465 and 587."""
    lab.answer()
    roots = lab.file("peer-roots.pem", lab.trust.root.pem)
    lab.spawn(sys.executable, "-m", "tests.field.peer", kind, lab.directory, files.chain, files.key,
              roots, PYTHONPATH=str(ROOT))  # fmt: skip
    told = lab.directory / "peer.json"
    _appears(lab, told)
    ports = json.loads(told.read_text())
    for port, security in ((465, "implicit"), (587, "starttls")):
        lab.spawn("/usr/bin/socat", f"TCP-LISTEN:{port},bind={address},fork,reuseaddr",
                  f"TCP:127.0.0.1:{ports[security]}")  # fmt: skip
    lab.listening(465, 587)
