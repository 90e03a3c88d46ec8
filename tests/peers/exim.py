"""Debian's Exim with Debian's configuration, as an administrator fills it in; nothing is delivered.

It runs from where its packages were unpacked. Its user is told to it by nss_wrapper, since only an
installation would make it.
"""

import os
import re
import shutil
from pathlib import Path

from .server import DOMAIN, Server, Taken, debian_version, fetched, free_ports, libraries

UID = 65533  # of no user here
# Debian's macros, and what makes it an instance of its own.
MACROS = """\
CONFDIR = {run}
SPOOLDIR = {run}/spool
DC_minimaldns = 1
MAIN_LOCAL_INTERFACES = 127.0.0.1
MAIN_LOCAL_DOMAINS = @ : localhost
MAIN_RELAY_TO_DOMAINS =
MAIN_RELAY_NETS =
MAIN_HARDCODE_PRIMARY_HOSTNAME = exim.{domain}
MAIN_QUALIFY_DOMAIN = {domain}
MAIN_TLS_ENABLE = 1
MAIN_TLS_CERTIFICATE = {run}/cert.pem
MAIN_TLS_PRIVATEKEY = {run}/key.pem
daemon_smtp_ports = {tls_port} : {starttls_port}
tls_on_connect_ports = {tls_port}
log_file_path = {log}/exim-%s.log
pid_file_path = {run}/pid
queue_only
"""
# In a spool's header file: the message's recipients, then each field with its length.
_RECIPIENTS = re.compile(rb"\n(?:XX|(?:[YN][YN] .*\n)+)\n\d+\n((?:.+\n)+)\n")
_FIELD = re.compile(rb"(\d{3,})(.) ?")


class Exim(Server):
    """Takes mail for everybody from who has logged in, and keeps it in its queue."""

    name = "Exim"

    def require(self) -> None:
        super().require()
        fetched("debian/exim/packages")

    def version(self) -> str:
        return f"{self.name} {debian_version('exim', 'exim4-daemon-light')}"

    def refused(self, number: int) -> str:
        """Exim's own rule against odd characters holds whoever the sender is."""
        return f"refused#{number}@{DOMAIN}"

    def begin(self, run: Path) -> None:
        root = fetched("debian/exim")
        self.tls_port, self.starttls_port = free_ports(2)
        self._configure(run, root)
        library = libraries(root)
        self.spawn(
            "exim",
            root / "usr/sbin/exim4",
            "-C",
            run / "exim.conf",
            "-bdf",
            LD_LIBRARY_PATH=library,
            LD_PRELOAD="libnss_wrapper.so",
            NSS_WRAPPER_PASSWD=f"{run}/users",
            NSS_WRAPPER_GROUP=f"{run}/groups",
        )
        self.wait_until_it_greets()

    def _configure(self, run: Path, root: Path) -> None:
        for path in (run / "spool", log := run / "log"):
            path.mkdir()
            os.chown(path, UID, UID)
        (self.directory / "exim-main.log").unlink(missing_ok=True)
        (self.directory / "exim-main.log").symlink_to(log / "exim-main.log")
        values = {"run": run, "domain": DOMAIN, "log": log}
        ports = {"tls_port": self.tls_port, "starttls_port": self.starttls_port}
        template = (root / "etc/exim4/exim4.conf.template").read_text()
        template = template.replace("/usr/sbin/exim4", str(root / "usr/sbin/exim4"))
        for example in ("plain_server", "login_server"):  # as the comment there says
            block = re.compile(rf"(?m)^# {example}:\n(?:#  .*\n)+")
            template, found = block.subn(lambda m: re.sub("(?m)^# ?", "", m[0]), template)
            if found != 1:
                raise RuntimeError(f"Debian's configuration has no {example}")
        template = template.replace("crypteq{$auth", "eq{$auth")  # the password as it is
        (run / "exim.conf").write_text(MACROS.format_map(values | ports) + template)
        (run / "passwd").write_text(f"{self.username}:{self.password}\n")
        for kind in ("cert", "key"):
            shutil.copy(self.directory / f"{kind}.pem", run)
        for name in ("passwd", "key.pem"):
            (run / name).chmod(0o600)
            os.chown(run / name, UID, UID)
        for name, source in (("users", "/etc/passwd"), ("groups", "/etc/group")):
            rest = f":{UID}::/nonexistent:/bin/false" if name == "users" else ":"
            known = Path(source).read_text()
            (run / name).write_text(f"{known}Debian-exim:x:{UID}{rest}\n")

    def taken(self) -> list[Taken]:
        return [_read(path) for path in sorted((self.run / "spool/input").glob("*-H"))]

    def clear(self) -> None:
        for folder in ("input", "msglog"):
            for path in (self.run / "spool" / folder).glob("*"):
                path.unlink()


def _read(path: Path) -> Taken:
    head = path.read_bytes()
    body = path.with_name(path.name.removesuffix("H") + "D").read_bytes()
    found = _RECIPIENTS.search(head)
    if found is None:
        raise RuntimeError(f"{path} has another form")
    fields, at = b"", found.end()
    while field := _FIELD.match(head, at):
        end = field.start() + len(field[1]) + 2 + int(field[1])
        if field[2] != b"*":  # one that Exim took out
            fields += head[field.start() + len(field[1]) + 2 : end]
        at = end
    people = found[1].decode().split("\n")[:-1]
    return Taken(tuple(people), fields + b"\n" + body.partition(b"\n")[2])
