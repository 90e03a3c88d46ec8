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
import secrets
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from . import dovecot, postfix
from .pki import make_pki

DOMAIN = "example.test"
MAIL_UID = 65534  # nobody: both servers refuse to store mail as root
SIZE_LIMIT = 64 * 1024 * 1024
START_TIMEOUT = 15.0
STOP_TIMEOUT = 2.0

PACKAGES = {  # program: the Debian package it comes in
    "/usr/sbin/postfix": "postfix",
    "/usr/sbin/dovecot": "dovecot-core",
    "/usr/lib/dovecot/submission": "dovecot-submissiond",
}


class MailHost:
    """Both servers, running while the context is entered.

    Their logs and certificates are in `directory`. The rest is in a directory under /tmp that
    goes with them: socket paths are limited to 108 bytes, and the servers' users must be able
    to enter every directory above.
    """

    host = "127.0.0.1"
    username = f"tester@{DOMAIN}"
    password = "corr3ct horse battery"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        pki = make_pki(directory)
        self.ca_file, self._cert_file, self._key_file = pki.ca_file, pki.cert_file, pki.key_file
        self._token_key = secrets.token_bytes(32)
        self.access_token = self.issue_token()
        self.postfix_tls_port = self.postfix_starttls_port = self.dovecot_tls_port = 0
        self._relay_port = 0
        self._run: Path | None = None
        self._servers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        for program, package in PACKAGES.items():
            if not Path(program).exists():
                raise RuntimeError(f"{program} is missing: install Debian's package {package}")
        if os.geteuid() != 0:
            raise RuntimeError("Postfix and Dovecot must be started by root")
        for attempts_left in (2, 1, 0):
            try:
                self._start_once()
            except BaseException as error:
                self.stop()
                # Another process may take a port between our choice and the server's bind.
                taken = isinstance(error, RuntimeError) and "already in use" in str(error)
                if not (taken and attempts_left):
                    raise
            else:
                return

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for server in self._servers:
                with suppress(ProcessLookupError):
                    os.killpg(server.pid, number)
            deadline = time.monotonic() + STOP_TIMEOUT
            while any(_lives(server.pid) for server in self._servers):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.01)
        for server in self._servers:
            server.wait()  # only now can its number be another's
        self._servers.clear()
        if self._run is not None:
            shutil.rmtree(self._run)
            self._run = None

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

    def clear(self) -> None:
        """Delete the mail, having waited for what is still under way in Postfix."""
        queues = [self._state / "queue" / name for name in ("incoming", "active")]
        deadline = time.monotonic() + 10
        while any(next(queue.iterdir(), None) for queue in queues):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the queue does not empty\n{self.log(4000)}")
            time.sleep(0.02)
        for path in self._mail_files():
            path.unlink()

    def log(self, limit: int | None = None) -> str:
        """Both servers' logs, each under its name: all of them, or the last characters."""
        text = ""
        for path in (self.directory / "dovecot.log", self.directory / "postfix.log"):
            if path.exists():
                log = path.read_text(errors="replace")
                text += f"--- {path.name}\n{log[-limit:] if limit else log}"
        return text

    @property
    def _state(self) -> Path:
        if self._run is None:
            raise RuntimeError("the mail host is not running")
        return self._run

    def _mail_files(self) -> list[Path]:
        new = self._state / "mail" / "inbox" / "new"  # Postfix makes it for the first message
        return sorted(new.glob("*"), key=lambda path: path.stat().st_mtime_ns)

    def _start_once(self) -> None:
        run = self._run = Path(tempfile.mkdtemp(prefix="mail-", dir="/tmp"))
        ports = _free_ports(4)
        self.postfix_tls_port, self.postfix_starttls_port = ports[:2]
        self._relay_port, self.dovecot_tls_port = ports[2:]
        self._configure(run)
        self._spawn("dovecot", "/usr/sbin/dovecot", "-F", "-c", f"{run}/dovecot.conf")
        with (self.directory / "postfix.log").open("ab") as log:
            check = ("/usr/sbin/postfix", "-c", f"{run}/postfix", "check")  # makes the queue
            subprocess.run(check, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
        self._spawn(
            "postfix",
            "/usr/lib/postfix/sbin/master",
            "-c",
            f"{run}/postfix",
            # As `postfix start` does: else what fails before postlogd runs is logged nowhere.
            POSTLOG_SERVICE=f"{run}/queue/public/postlog",
            POSTLOG_HOSTNAME="mail",
        )
        deadline = time.monotonic() + START_TIMEOUT
        # An smtpd that finds no socket for SASL dies, and Postfix waits a minute for the next.
        while not (run / "auth").exists():
            self._check_start(deadline)
        for port in (self.postfix_tls_port, self.postfix_starttls_port, self.dovecot_tls_port):
            while not self._greets(port):
                self._check_start(deadline)

    def _configure(self, run: Path) -> None:
        run.chmod(0o755)
        for name in ("postfix", "queue", "data", "mail", "dovecot", "keys/default/HS256"):
            (run / name).mkdir(parents=True)
        os.chown(run / "mail", MAIL_UID, MAIL_UID)
        shutil.chown(run / "data", "postfix")
        values = {
            "run": run,
            "domain": DOMAIN,
            "uid": MAIL_UID,
            "size_limit": SIZE_LIMIT,
            "cert": self._cert_file.resolve(),
            "key": self._key_file.resolve(),
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
            (run / name).write_text(text.format_map(values))
            os.utime(run / name, (0, 0))  # Postfix sleeps before it trusts a fresh file
        # CRAM and SCRAM need the password itself.
        (run / "users").write_text(f"{self.username}:{{PLAIN}}{self.password}\n")
        token_key = base64.b64encode(self._token_key)
        (run / "keys/default/HS256/default").write_bytes(token_key)

    def _spawn(self, name: str, *command: str, **environment: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self._servers.append(
                subprocess.Popen(
                    command,
                    env=os.environ | environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # so that stop() reaches every descendant
                )
            )

    def _greets(self, port: int) -> bool:
        try:
            if port == self.postfix_starttls_port:
                smtplib.SMTP(self.host, port, timeout=1).quit()
            else:
                context = ssl.create_default_context(cafile=str(self.ca_file))
                smtplib.SMTP_SSL(self.host, port, timeout=1, context=context).quit()
        except (OSError, smtplib.SMTPException):
            return False
        return True

    def _check_start(self, deadline: float) -> None:
        ended = [server.args for server in self._servers if server.poll() is not None]
        if ended or time.monotonic() > deadline:
            reason = f"{ended} ended" if ended else f"no answer after {START_TIMEOUT:g} s"
            raise RuntimeError(f"the mail host did not start: {reason}\n{self.log(4000)}")
        time.sleep(0.02)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _lives(group: int) -> bool:
    """Whether a process of the group still runs; one that init has yet to reap does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            state, _parent, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
