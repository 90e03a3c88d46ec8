"""The peers themselves: what they offer, and that they deliver what they are given."""

import base64
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from scramp import ScramClient

from . import dovecot, mailhost, server
from .mailhost import MailHost

POSTFIX, STARTTLS, DOVECOT = "postfix_tls_port", "postfix_starttls_port", "dovecot_tls_port"
PORTS = (POSTFIX, STARTTLS, DOVECOT)
PASSWORD_MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]
TOKEN_MECHANISMS = ["XOAUTH2", "OAUTHBEARER"]
MECHANISMS = PASSWORD_MECHANISMS + TOKEN_MECHANISMS
SENDER, RECIPIENT = "from@example.test", "to@example.test"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailHost]:
    with MailHost(tmp_path_factory.mktemp("mailhost")) as host:
        yield host


@pytest.fixture
def host(running: MailHost) -> MailHost:
    running.clear()
    return running


def connect(host: MailHost, port: str) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=str(host.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    client: smtplib.SMTP
    if port == STARTTLS:
        client = smtplib.SMTP(host.host, getattr(host, port), timeout=30)
        client.starttls(context=context)
    else:
        client = smtplib.SMTP_SSL(host.host, getattr(host, port), timeout=30, context=context)
    client.ehlo()
    return client


def encoded(response: str) -> str:
    return base64.b64encode(response.encode()).decode()


def log_in(client: smtplib.SMTP, host: MailHost, mechanism: str, secret: str) -> int:
    """The last reply's code; smtplib itself knows the first three mechanisms only."""
    if mechanism.startswith("SCRAM"):
        scram = ScramClient([mechanism], host.username, secret)
        code, reply = client.docmd(f"AUTH {mechanism}", encoded(scram.get_client_first()))
        assert code == 334
        scram.set_server_first(base64.b64decode(reply).decode())
        code, reply = client.docmd(encoded(scram.get_client_final()))
        if code == 334:
            scram.set_server_final(base64.b64decode(reply).decode())
            code, _ = client.docmd("")
    elif mechanism in TOKEN_MECHANISMS:
        header = "user={}\1" if mechanism == "XOAUTH2" else "n,a={},\1"
        response = f"{header.format(host.username)}auth=Bearer {secret}\1\1"
        code, _ = client.docmd(f"AUTH {mechanism}", encoded(response))
        if code == 334:  # the reason of the refusal, to be acknowledged
            code, _ = client.docmd("")
    else:
        client.user, client.password = host.username, secret
        answer = getattr(client, f"auth_{mechanism.lower().replace('-', '_')}")
        try:
            code, _ = client.auth(mechanism, answer)
        except smtplib.SMTPAuthenticationError as error:
            code = error.smtp_code
    return code


def body(message: bytes) -> bytes:
    return message.partition(b"\n\n")[2]


def processes_in(directory: Path) -> set[int]:
    """The processes that work below a directory; one that has ended works nowhere."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if str(link.readlink()).startswith(f"{directory}/"):
                found.add(int(link.parent.name))
    return found


@pytest.mark.parametrize("port", PORTS)
def test_offers(host: MailHost, port: str) -> None:
    with connect(host, port) as client:
        assert client.has_extn("chunking")
        assert client.has_extn("pipelining")
        assert client.has_extn("8bitmime")
        assert client.has_extn("smtputf8") == (port != DOVECOT)
        assert int(client.esmtp_features["size"]) >= 60_000_000
        # (smtplib adds old servers' "AUTH=" form, of which there is none, as an empty word.)
        assert client.esmtp_features["auth"].split() == MECHANISMS


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_logs_in_and_delivers(host: MailHost, port: str, mechanism: str) -> None:
    secret = host.access_token if mechanism in TOKEN_MECHANISMS else host.password
    with connect(host, port) as client:
        assert log_in(client, host, mechanism, secret) == 235
        client.sendmail(SENDER, RECIPIENT, f"Subject: {mechanism}\n\nby {port}\n")
    (message,) = host.wait_for_messages(1)
    assert f"Subject: {mechanism}\n\nby {port}\n".encode() in message


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("mechanism", ["PLAIN", *TOKEN_MECHANISMS])
def test_refuses_a_wrong_secret(host: MailHost, port: str, mechanism: str) -> None:
    secret = host.issue_token(-60) if mechanism in TOKEN_MECHANISMS else "wrong"
    with connect(host, port) as client:
        assert log_in(client, host, mechanism, secret) == 535


@pytest.mark.parametrize("port", PORTS)
def test_refuses_mail_without_log_in(host: MailHost, port: str) -> None:
    with connect(host, port) as client, pytest.raises(smtplib.SMTPException):
        client.sendmail(SENDER, RECIPIENT, "Subject: none\n\n")


def test_demands_starttls(host: MailHost) -> None:
    with smtplib.SMTP(host.host, host.postfix_starttls_port, timeout=30) as client:
        client.ehlo()
        assert client.has_extn("starttls")
        assert not client.has_extn("auth")
        assert client.mail(SENDER)[0] == 530


@pytest.mark.parametrize("port", PORTS)
def test_keeps_every_octet(host: MailHost, port: str) -> None:
    lines = [b"x" * 5000, bytes(range(128, 256)), b".", b"..", b" trailing ", b"", b"end"]
    with connect(host, port) as client:
        client.login(host.username, host.password)
        text = b"\r\n".join([b"Subject: octets", b"", *lines, b""])
        client.sendmail(SENDER, RECIPIENT, text, mail_options=["BODY=8BITMIME"])
    (message,) = host.wait_for_messages(1)
    assert body(message) == b"\n".join([*lines, b""])


@pytest.mark.parametrize("port", PORTS)
def test_takes_20_megabytes(host: MailHost, port: str) -> None:
    line = b"z" * 998 + b"\r\n"
    with connect(host, port) as client:
        client.login(host.username, host.password)
        client.sendmail(SENDER, RECIPIENT, b"Subject: big\r\n\r\n" + line * 20_000)
    (message,) = host.wait_for_messages(1)
    assert body(message) == line.replace(b"\r\n", b"\n") * 20_000


@pytest.mark.parametrize("port", PORTS)
def test_delivers_a_copy_to_each_of_1000(host: MailHost, port: str) -> None:
    recipients = {f"user{number}@example.test" for number in range(1000)}
    with connect(host, port) as client:
        client.login(host.username, host.password)
        assert client.sendmail(SENDER, sorted(recipients), "Subject: all\n\n") == {}
    messages = host.wait_for_messages(1000)
    delivered = {message.split(b"Delivered-To: ")[1].split(b"\n")[0] for message in messages}
    assert delivered == {recipient.encode() for recipient in recipients}


def test_hosts_are_independent_and_leave_nothing(host: MailHost, tmp_path: Path) -> None:
    for _ in range(2):
        with MailHost(tmp_path) as other:
            with connect(other, POSTFIX) as client:
                client.login(other.username, other.password)
                client.sendmail(SENDER, RECIPIENT, "Subject: other\n\n")
            assert len(other.wait_for_messages(1)) == 1
            run = other._run
            assert run is not None
            assert len(processes_in(run)) > 10
        assert processes_in(run) == set()
        assert not run.exists()
    assert host.messages() == []


def test_a_failed_start_shows_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dovecot, "CONF", "no_such_setting = yes\n")
    with pytest.raises(RuntimeError, match=r"(?s)did not start: .* ended\n.*no_such_setting"):
        MailHost(tmp_path).start()


def test_a_missing_program_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mailhost.PACKAGES, "/usr/sbin/no-such-program", "no-such-package")
    with pytest.raises(RuntimeError, match=r"no-such-program is missing.* no-such-package"):
        MailHost(tmp_path).start()


@pytest.mark.parametrize("position", [0, 3])  # Postfix's, Dovecot's
def test_a_taken_port_is_changed_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    free_ports = server.free_ports
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = free_ports(4)
        first[position] = taken.getsockname()[1]
        choices = iter([first])
        monkeypatch.setattr(
            mailhost, "free_ports", lambda count: next(choices, None) or free_ports(count)
        )
        with MailHost(tmp_path) as host, connect(host, DOVECOT) as client:
            assert client.login(host.username, host.password)[0] == 235
