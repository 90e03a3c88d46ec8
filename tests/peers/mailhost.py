"""Debian's Postfix and Dovecot as private, short-lived instances on the loopback interface.

Postfix takes mail on a port with TLS from the start, on one with STARTTLS, and from Dovecot's
submission service; its own `virtual` agent stores one Maildir file for each recipient. (LMTP
would fold long lines and refuse SMTPUTF8.) Dovecot authenticates for both.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from . import dovecot, postfix
from .server import DOMAIN, Server, Taken, free_ports

MAIL_UID = 65534  # nobody: both servers refuse to store mail as root
QUEUES = ("queue/incoming", "queue/active")
SIZE_LIMIT = 64 * 1024 * 1024

PACKAGES = {  # program: the Debian package it comes in
    "/usr/sbin/postfix": "postfix",
    "/usr/sbin/dovecot": "dovecot-core",
    "/usr/lib/dovecot/submission": "dovecot-submissiond",
}


class MailHost(Server):
    """Both servers, running while the context is entered. As a `Server`, it is Postfix."""

    name = "Postfix"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._token_key = secrets.token_bytes(32)
        self.access_token = self.issue_token()
        self.dovecot_tls_port = self._relay_port = 0

    @property
    def postfix_tls_port(self) -> int:
        return self.tls_port

    @property
    def postfix_starttls_port(self) -> int:
        return self.starttls_port

    def require(self) -> None:
        super().require()
        for program, package in PACKAGES.items():
            if not Path(program).exists():
                raise RuntimeError(f"{program} is missing: install Debian's package {package}")

    def version(self) -> str:
        command = ["/usr/sbin/postconf", "-d", "-h", "mail_version"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return f"{self.name} {found.strip()}"

    def refused(self, number: int) -> str:
        """Postfix delivers to its own domain alone: the transport `error` refuses the others."""
        return f"user{number}@refused.example"

    def issue_token(self, lifetime: int = 3600) -> str:
        """A token for XOAUTH2 and OAUTHBEARER; a negative lifetime makes an expired one."""
        now = int(time.time())
        claims = {"email": self.username, "sub": self.username, "iat": min(now, now + lifetime)}
        signed = ".".join(
            _base64url(json.dumps(part).encode())
            for part in ({"alg": "HS256", "typ": "JWT"}, claims | {"exp": now + lifetime})
        )
        mac = hmac.digest(self._token_key, signed.encode(), hashlib.sha256)
        return f"{signed}.{_base64url(mac)}"

    def messages(self) -> list[bytes]:
        """The delivered files as stored (lines end in LF), the oldest first."""
        return [path.read_bytes() for path in self._mail_files()]

    def wait_for_messages(self, count: int, timeout: float = 30) -> list[bytes]:
        deadline = time.monotonic() + timeout
        while (found := len(self._mail_files())) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found} of {count} messages came\n{self.log(4000)}")
            time.sleep(0.02)
        return self.messages()

    def taken(self) -> list[Taken]:
        self._settle()
        return [
            Taken(
                tuple(name.decode() for name in re.findall(rb"(?m)^Delivered-To: (.*)$", data)),
                data,
            )
            for data in self.messages()
        ]

    def clear(self) -> None:
        """Delete the mail, having waited for what is still under way in Postfix."""
        self._settle()
        for path in self._mail_files():
            path.unlink()

    def _settle(self) -> None:
        deadline = time.monotonic() + 60
        while any(_complete(path) for name in QUEUES for path in (self.run / name).iterdir()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the queue does not empty\n{self.log(4000)}")
            time.sleep(0.02)

    def _mail_files(self) -> list[Path]:
        new = self.run / "mail" / "inbox" / "new"  # Postfix makes it for the first message
        return sorted(new.glob("*"), key=lambda path: path.stat().st_mtime_ns)

    def begin(self, run: Path) -> None:
        ports = free_ports(4)
        self.tls_port, self.starttls_port, self._relay_port, self.dovecot_tls_port = ports
        self._configure(run)
        self.spawn("dovecot", "/usr/sbin/dovecot", "-F", "-c", f"{run}/dovecot.conf")
        with (self.directory / "postfix.log").open("ab") as log:
            check = ("/usr/sbin/postfix", "-c", f"{run}/postfix", "check")  # makes the queue
            subprocess.run(check, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        self.spawn(
            "postfix",
            "/usr/lib/postfix/sbin/master",
            "-c",
            f"{run}/postfix",
            # As `postfix start` does: else what fails before postlogd runs is logged nowhere.
            POSTLOG_SERVICE=f"{run}/queue/public/postlog",
            POSTLOG_HOSTNAME="mail",
        )
        deadline = time.monotonic() + self.start_timeout
        # An smtpd that finds no socket for SASL dies, and Postfix waits a minute for the next.
        while not (run / "auth").exists():
            self.check_start(deadline)
        self.wait_until_it_greets()
        while not self.greets(self.dovecot_tls_port, implicit=True):
            self.check_start(deadline)

    def check_start(self, deadline: float) -> None:
        try:
            super().check_start(deadline)
        except RuntimeError as error:
            ports = (self.tls_port, self.starttls_port, self._relay_port)
            taken = [port for port in ports if _listens(port)]
            if taken and "master" in str(error) and "in use" not in str(error):
                # Postfix 3.10 ends without a word where nobody keeps the system's log.
                raise RuntimeError(f"{error}\nin use: {taken}") from error
            raise

    def _configure(self, run: Path) -> None:
        for name in ("postfix", "queue", "data", "mail", "dovecot", "keys/default/HS256"):
            (run / name).mkdir(parents=True)
        os.chown(run / "mail", MAIL_UID, MAIL_UID)
        shutil.chown(run / "data", "postfix")
        values = {
            "run": run,
            "domain": DOMAIN,
            "uid": MAIL_UID,
            "size_limit": SIZE_LIMIT,
            "cert": self.cert_file.resolve(),
            "key": self.key_file.resolve(),
            "log": self.directory.resolve() / "postfix.log",
            "tls_port": self.postfix_tls_port,
            "starttls_port": self.postfix_starttls_port,
            "relay_port": self._relay_port,
            "dovecot_port": self.dovecot_tls_port,
        }
        for name, text in {
            "postfix/main.cf": postfix.MAIN,
            "postfix/master.cf": postfix.MASTER,
            "dovecot.conf": dovecot.CONF,
            "oauth2.conf": dovecot.OAUTH2,
        }.items():
            filled = text.format_map(values)
            (run / name).write_text(
                dovecot.as_installed(filled) if name == "dovecot.conf" else filled
            )
            os.utime(run / name, (0, 0))  # Postfix sleeps before it trusts a fresh file
        # CRAM and SCRAM need the password itself.
        (run / "users").write_text(f"{self.username}:{{PLAIN}}{self.password}\n")
        token_key = base64.b64encode(self._token_key)
        (run / "keys/default/HS256/default").write_bytes(token_key)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _complete(path: Path) -> bool:
    """Whether Postfix has accepted a message of its queue; its owner may then execute the file."""
    try:
        return bool(path.stat().st_mode & 0o100)
    except FileNotFoundError:  # it was delivered meanwhile
        return False


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
