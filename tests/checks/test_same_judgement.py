"""The same judgement of a certificate by the check, by sending, and by Python's own smtplib."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.checks.chains import Case, cases, server_context

import smtps
from smtps.checks.report import Report
from smtps.checks.rules import RULES
from smtps.net.tls import context_for

STRICT = "tls.certificate_not_strict"


class Server:
    """A mail server in a thread; its certificate may change between connections."""

    def __init__(self) -> None:
        self.context: ssl.SSLContext | None = None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with plain, suppress(OSError):
                plain.settimeout(5)
                self._talk(plain)

    def _talk(self, plain: socket.socket) -> None:
        assert self.context is not None
        with self.context.wrap_socket(plain, server_side=True) as secured:
            lines, said = secured.makefile("rb"), secured.sendall
            said(b"220 mail.x.test ESMTP\r\n")
            for line in lines:
                verb = line[:4].upper().strip()
                said(_REPLIES.get(verb, b"250 ok\r\n"))
                if verb == b"DATA":
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                    said(b"250 ok\r\n")
                if verb == b"QUIT":
                    return


_REPLIES = {b"EHLO": b"250 mail.x.test\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.stop()


@pytest.fixture(autouse=True, scope="module")
def every_name_is_here() -> Iterator[None]:
    """Whatever the host is called, it is on loopback."""
    real = socket.getaddrinfo

    def here(_host: Any, port: Any, *_: Any, **__: Any) -> Any:
        return real("127.0.0.1", port, socket.AF_INET, socket.SOCK_STREAM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", here)
        yield


@contextmanager
def shown(server: Server, case: Case) -> Iterator[smtps.Endpoint]:
    with tempfile.TemporaryDirectory() as directory:
        own, ca = case.write(Path(directory))
        server.context = server_context(own)
        yield smtps.Endpoint(case.host, server.port, security="implicit", ca_file=ca)


def connects(endpoint: smtps.Endpoint, flags: int) -> bool:
    """Whether smtplib does, verifying by these flags."""
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    context.verify_flags = ssl.VerifyFlags(flags)
    host = endpoint.host.removesuffix(".")  # with which smtplib would ask for the name
    try:
        with smtplib.SMTP_SSL(host, endpoint.port, context=context, timeout=5) as client:
            return client.noop()[0] == 250
    except (ssl.SSLError, ValueError):
        return False


async def both(endpoint: smtps.Endpoint) -> tuple[Report, bool]:
    """What the check says, and whether a message can be sent."""
    message = smtps.Message(from_="me@x.test", to="you@x.test", text="x")
    report = await smtps.check(endpoint)
    try:
        result = await smtps.send(message, endpoint)
    except smtps.CertificateError:
        return report, False
    assert result.outcome == "sent"
    return report, True


@given(cases())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_check_sending_and_smtplib_agree(server: Server, case: Case) -> None:
    with shown(server, case) as endpoint:
        flags = context_for(endpoint).verify_flags
        expected = connects(endpoint, flags)
        report, sent = asyncio.run(both(endpoint))
        strict = connects(endpoint, flags | ssl.VERIFY_X509_STRICT)
    codes = [finding.code for finding in report.findings]
    assert (report.verdict in ("works", "warnings")) == expected, codes
    assert sent == expected
    assert (STRICT in codes) == (expected and not strict), codes
    if expected:
        return
    if (
        not case.has_namesakes
    ):  # where two go by one name, OpenSSL may follow another than the rules
        explained = {found.explains for rule in RULES for found in rule(report.facts)}
        assert report.failure in explained, (codes, report.failure)
    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert report.verdict == "fails"
    assert errors
    assert "tls.certificate_invalid" not in codes
    trusted = {
        each.subject.rfc4514_string() for each in case.trusted if each.subject == each.issuer
    }
    for finding in errors:
        if finding.code == "tls.certificate_untrusted_root":
            named = any(f"{name}, which" in finding.seen for name in trusted)
            assert not named or "another key" in finding.seen, finding.seen
