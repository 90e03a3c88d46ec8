"""First words of services, as they stand on the wire, and whose they are."""

from __future__ import annotations

import pytest

from smtps.advice import ADVICE
from smtps.net.services import PROMPTS, SERVICES, recognise

HEARD: dict[bytes, str | None] = {
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\n\r\n": "a web server (HTTP)",
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n":
        "a web server (HTTP)",
    b"<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html>": "a web server (HTTP)",
    bytes.fromhex("00001204000000000000030000006400040010000000060000400000000408000000000000"):
        "a web server (HTTP/2)",
    bytes.fromhex("0000080700000000000000000000000001"): "a web server (HTTP/2)",
    b"* OK [CAPABILITY IMAP4rev1 SASL-IR] Dovecot (Debian) ready.\r\n": "an IMAP server",
    b"* BYE Internal error occurred.\r\n": "an IMAP server",
    b"EHLO BAD Error in IMAP command received by server.\r\n": "an IMAP server",
    b"+OK Dovecot (Debian) ready.\r\n": "a POP3 server",
    b"-ERR Unknown command.\r\n": "a POP3 server",
    b'"IMPLEMENTATION" "Dovecot (Debian) Pigeonhole"\r\n': "a ManageSieve server",
    b"220 mail.example LMTP Postfix\r\n":
        "an LMTP server, which accepts mail only from other mail servers",
    b"500 5.5.1 Wrong command, use LHLO\r\n":
        "an LMTP server, which accepts mail only from other mail servers",
    b"220 (vsFTPd 3.0.3)\r\n": "an FTP server",
    b"220 ProFTPD Server (Debian) [::ffff:192.0.2.1]\r\n": "an FTP server",
    b"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n": "an FTP server",
    b"220-FileZilla Server 1.7.0\r\n": "an FTP server",
    b"220 Microsoft FTP Service\r\n": "an FTP server",
    b"530 Please login with USER and PASS.\r\n": "an FTP server",
    b"220 Hello\r\n211-Features:\r\n UTF8\r\n211 End\r\n": "an FTP server",
    b"211-Extensions supported:\r\n": "an FTP server",
    b"200 news.example InterNetNews NNRP server INN 2.7.1 ready (posting ok)\r\n":
        "a news server (NNTP)",
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n": "an SSH server",
    bytes.fromhex("300c02010161070a010004000400"): "an LDAP server",
    bytes.fromhex("30840000000a0201016105"): "an LDAP server",
    bytes.fromhex("20020000"): "an MQTT broker",
    bytes.fromhex("20020005"): "an MQTT broker",
    b"AMQP\0\0\x09\x01": "an AMQP broker",
    b"-ERR unknown command 'EHLO', with args beginning with: 'portofcall' \r\n": "a Redis server",
    b"-NOAUTH Authentication required.\r\n": "a Redis server",
    b"\x4a\0\0\0\x0a8.0.36\0": "a database server (MySQL or MariaDB)",
    b"\x48\0\0\0\xffj\x04Host '192.0.2.1' is not allowed to connect":
        "a database server (MySQL or MariaDB)",
    b"E\0\0\0\x77SFATAL\0VFATAL\0C0A000\0Munsupported frontend protocol": (
        "a database server (PostgreSQL)"),
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'>": "an XMPP server",
    b":irc.example NOTICE * :*** Looking up your hostname...\r\n": "an IRC server",
    b"\xff\xfd\x18\xff\xfd\x20": "a Telnet server",
    b"RFB 003.008\n": "a remote desktop server (VNC)",
    # None of these is anything but SMTP, or tells at all.
    b"220 ftp.example.com ESMTP Postfix\r\n": None,
    b"220 FTP and mail of Example ESMTP\r\n": None,
    b"220 mail.example.com ESMTP\r\n250-mail.example.com\r\n250 AUTH PLAIN\r\n": None,
    b"500 5.5.2 Error: bad syntax\r\n": None,
    b"502 5.5.1 Command not implemented\r\n": None,
    b"211 Have a look at the manual\r\n": None,
    b"421 4.3.2 No system resources\r\n": None,
    b"": None,
    b"0\r\n": None,
    b" \r\n": None,
    b"\0\0\0\0": None,
}  # fmt: skip


@pytest.mark.parametrize(("data", "name"), HEARD.items(), ids=[str(d[:24]) for d in HEARD])
def test_whose_words_they_are(data: bytes, name: str | None) -> None:
    found = recognise(data)
    assert (found and found.name) == name


def test_every_service_but_the_rarest_is_heard_here() -> None:
    heard = set(HEARD.values())
    rare = {"a telephony server (SIP)", "a streaming server (RTSP)"}
    assert {service.name for service in SERVICES} - heard == rare


def test_each_has_its_advice() -> None:
    assert {service.code for service in SERVICES} <= set(ADVICE)


def test_what_is_said_to_a_service_is_no_secret_and_no_mail() -> None:
    for words in PROMPTS.values():
        assert b"MAIL" not in words
        assert b"AUTH" not in words


def test_an_ehlo_answer_is_none_of_lmtp() -> None:
    assert recognise(b"220 x\r\n250-mail.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n") is None
