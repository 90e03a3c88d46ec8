"""Debian's sendmail with Debian's configuration, and logins; nothing is delivered.

It runs from where its packages were unpacked.
"""

import re
import shutil
import subprocess
from pathlib import Path

from .server import DOMAIN, Server, Taken, debian_version, fetched, free_ports, libraries

# What an administrator adds to Debian's sendmail.mc, and what makes it an instance of its own.
MACROS = """\
define(`confDELIVERY_MODE', `queueonly')dnl
define(`confTRUSTED_USER', `root')dnl
define(`confDOMAIN_NAME', `sendmail.{domain}')dnl
define(`confSERVER_CERT', `{run}/cert.pem')dnl
define(`confSERVER_KEY', `{run}/key.pem')dnl
define(`confCACERT', `{run}/ca.pem')dnl
define(`confCACERT_PATH', `{run}')dnl
define(`confTLS_SRV_OPTIONS', `V')dnl
define(`confTO_IDENT', `0')dnl
define(`confAUTH_MECHANISMS', `CRAM-MD5 PLAIN LOGIN')dnl
TRUST_AUTH_MECH(`CRAM-MD5 PLAIN LOGIN')dnl
undefine(`ALIAS_FILE')dnl
FEATURE(`accept_unresolvable_domains')dnl
DAEMON_OPTIONS(`Family=inet, Name=TLS, Port={tls_port}, M=s, Addr=127.0.0.1')dnl
DAEMON_OPTIONS(`Family=inet, Name=MSA, Port={starttls_port}, M=E, Addr=127.0.0.1')dnl
LOCAL_CONFIG
ESASL_CONF_PATH={run}/sasl
ESASL_PATH={plugins}
"""
SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {run}/sasldb2
mech_list: CRAM-MD5 PLAIN LOGIN
"""
LOCAL = "refused.example"


class Sendmail(Server):
    """Takes mail for everybody from who has logged in, and keeps it in its queue."""

    name = "sendmail"
    # Where it cannot be given a host name with a dot, sendmail waits a minute for one.
    start_timeout = 75.0

    def require(self) -> None:
        super().require()
        fetched("debian/sendmail/packages")

    def version(self) -> str:
        return f"{self.name} {debian_version('sendmail', 'sendmail-bin')}"

    def refused(self, number: int) -> str:
        """A domain of this host, and no such user."""
        return f"nobody{number}@{LOCAL}"

    def begin(self, run: Path) -> None:
        self.tls_port, self.starttls_port = free_ports(2)
        self._root = fetched("debian/sendmail")
        self._environment = {"LD_LIBRARY_PATH": libraries(self._root)}
        for name in ("mail", "queue", "sasl", "host_status"):
            (run / name).mkdir()
        for kind in ("ca", "cert", "key"):
            shutil.copy(self.directory / f"{kind}.pem", run)
        (run / "key.pem").chmod(0o600)
        (run / "sendmail.cf").write_text(self._configuration(run))
        self._tables(run)
        program = self._root / "usr/libexec/sendmail/sendmail"
        named = ["sh", "-c", f'hostname sendmail.{DOMAIN} && exec "$@"', "sh"]
        separate = ["unshare", "--uts", *named]
        if subprocess.run([*separate, "true"], capture_output=True, check=False).returncode:
            separate = []
        # It takes an address by its full path only.
        command = [str(program), "-C", str(run / "sendmail.cf"), "-bD"]
        traffic = ["-X", str(self.directory.resolve() / "sendmail-dialogue.log")]
        self.spawn("sendmail", *separate, *command, *traffic, **self._environment)
        self.wait_until_it_greets()

    def _configuration(self, run: Path) -> str:
        """Debian's own, made by m4 as Debian makes it."""
        cf = self._root / "usr/share/sendmail/cf"
        plugins = [str(path / "sasl2") for path in sorted(self._root.glob("usr/lib/*-linux-gnu"))]
        plugins += [str(path) for path in sorted(Path("/usr/lib").glob("*-linux-gnu/sasl2"))]
        macros = MACROS.format(
            run=run,
            domain=DOMAIN,
            plugins=":".join(plugins),
            tls_port=self.tls_port,
            starttls_port=self.starttls_port,
        )
        text = (cf / "debian/sendmail.mc").read_text()
        text = re.sub(r"(?m)^(?:include\(`/etc/mail|DAEMON_OPTIONS).*\n", "", text)
        text = text.replace("/usr/share/sendmail/cf", str(cf))
        text = text.replace("OSTYPE", f"include(`{cf}/debian/autoconf.m4')dnl\nOSTYPE", 1)
        text = text.replace("MAILER_DEFINITIONS", f"{macros}MAILER_DEFINITIONS", 1)
        m4 = [str(self._root / "usr/bin/m4"), f"-D_CF_DIR_={cf}/", "-"]
        made = subprocess.run(m4, input=text, capture_output=True, text=True, check=True).stdout
        for theirs, ours in {
            "/etc/mail": "/mail",
            "/var/spool/mqueue": "/queue",
            "/var/run/sendmail/mta": "",
            "/var/lib/sendmail": "",
        }.items():
            made = made.replace(theirs, f"{run}{ours}")
        return made

    def _tables(self, run: Path) -> None:
        mail = self._root / "etc/mail"
        shutil.copy(mail / "service.switch-nodns", run / "mail/service.switch")
        (run / "mail/local-host-names").write_text(f"{LOCAL}\n")
        (run / "mail/trusted-users").touch()
        examples = self._root / "usr/share/sendmail/examples/db"
        sbin = self._root / "usr/sbin"
        access = str(run / "mail/access.db")
        makemap = [str(sbin / "makemap"), "-C", str(run / "sendmail.cf"), "hash", access]
        self._perform(makemap, (examples / "access").read_bytes())
        (run / "sasl/Sendmail.conf").write_text(SASL.format(run=run))
        user, _, realm = self.username.partition("@")
        accounts = str(run / "sasldb2")
        add = [str(sbin / "saslpasswd2"), "-p", "-c", "-f", accounts, "-u", realm, user]
        self._perform(add, self.password.encode())
        (run / "sasldb2").chmod(0o600)

    def _perform(self, command: list[str], given: bytes) -> None:
        with (self.directory / "sendmail.log").open("ab") as log:
            subprocess.run(
                command, input=given, env=self._environment, stdout=log, stderr=log, check=True
            )

    def taken(self) -> list[Taken]:
        return [_read(path) for path in sorted((self.run / "queue").glob("qf*"))]

    def clear(self) -> None:
        for path in (self.run / "queue").glob("*"):
            path.unlink()


def _read(path: Path) -> Taken:
    """A queue file has a letter and a value on each line; those that go on begin with a blank."""
    lines = re.sub(rb"\n([\t ])", rb"\0\1", path.read_bytes()).split(b"\n")
    people = [re.sub(r"^[^:]*:<?|>$", "", line[1:].decode()) for line in lines if line[:1] == b"R"]
    fields = [line[3:].replace(b"\0", b"\n") for line in lines if line.startswith(b"H??")]
    body = path.with_name("d" + path.name[1:]).read_bytes()
    return Taken(tuple(people), b"\n".join(fields) + b"\n\n" + body)
