"""Certificates: the server's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from ssl import DER_cert_to_PEM_cert
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.field.authority import DAY, Files, Identity, Wish, certify, write
from tests.field.lab import HOST, Lab
from tests.field.network import MAIL, OTHER
from tests.field.servers import (
    IMPLICIT,
    dovecot,
    haproxy,
    members,
    nginx_stream,
    s_server,
    sink,
    stunnel,
    tls_front,
)
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="certificates")
NO_TRICKS = (r"--no-verify", r"turn off", r"disable.{0,20}(check|verif)")
"""What no fix may say of a certificate."""


def _postfix(*names: str, **wishes: Any) -> Callable[[Lab], None]:
    return lambda lab: members(lab, lab.certificate(*names, **wishes), {465: IMPLICIT})


def _stunnel(*names: str, **wishes: Any) -> Callable[[Lab], None]:
    return lambda lab: tls_front(lab, lab.certificate(*names, **wishes))


def _weak(lab: Lab, **wishes: Any) -> None:
    tls_front(lab, lab.certificate(**wishes), "ciphers = DEFAULT:@SECLEVEL=0")


def _sha1(lab: Lab) -> None:
    """By the openssl program: the library signs with SHA-1 no more."""
    authority = write(lab.directory, lab.trust.issuer, name="issuer")
    lab.file("names.cnf", f"subjectAltName = DNS:{HOST}\nextendedKeyUsage = serverAuth\n")
    lab.program("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out",
                "request.pem", "-subj", f"/CN={HOST}")  # fmt: skip
    lab.program("openssl", "x509", "-req", "-in", "request.pem", "-CA", authority.chain, "-CAkey",
                authority.key, "-sha1", "-days", "60", "-extfile", "names.cnf", "-out",
                "server.crt")  # fmt: skip
    chain = lab.directory / "server.crt"
    chain.write_bytes(chain.read_bytes() + lab.trust.issuer.pem)
    key = lab.directory / "server.key"
    tls_front(lab, Files(chain, key, chain), "ciphers = DEFAULT:@SECLEVEL=0")


def _dovecot(lab: Lab, **wishes: Any) -> None:
    sink(lab, 10026)
    dovecot(lab, lab.certificate(**wishes), {"submission": {465: "tls"}})


def _self_signed(
    lab: Lab, *, company: bool = False, behind: bool = False, name: str = HOST
) -> None:
    own = certify(Wish(subject=name, names=(name,), company="Acme" if company else None,
                       ends=3000, begins=-300))  # fmt: skip
    stranger = certify(Wish(subject="Acme Old CA", authority=True))
    members(lab, write(lab.directory, own, *([stranger] if behind else [])), {465: IMPLICIT})


def _underscore(lab: Lab) -> None:
    lab.zone["mail_1.example.com"] = {"A": [MAIL]}
    tls_front(lab, lab.certificate("*.example.com"))


def _two_labels(lab: Lab) -> None:
    lab.zone["smtp.eu.example.com"] = {"A": [MAIL]}
    tls_front(lab, lab.certificate("*.example.com", "example.com"))


def _common_name_only(lab: Lab) -> None:
    leaf = certify(Wish(subject=HOST), lab.trust.issuer)
    tls_front(lab, write(lab.directory, leaf, lab.trust.issuer))


def _virtual_hosts(lab: Lab) -> None:
    """One machine for many customers: whoever is not known gets the machine's own certificate."""
    files = lab.certificate("server12.hosting.example.net")
    sink(lab, 10025)
    nginx_stream(lab, files, "127.0.0.1:10025")


def _differing(lab: Lab) -> None:
    lab.zone[HOST] = {"A": [MAIL, OTHER]}
    sink(lab, 10025)
    good = lab.certificate(file="good")
    old = lab.certificate(file="old", begins=-91, ends=-1)
    stunnel(lab, good, 465, "127.0.0.1:10025")
    conf = lab.file("second.conf", f"foreground = yes\npid =\n[mail]\naccept = {OTHER}:465\n"
              f"connect = 127.0.0.1:10025\ncert = {old.chain}\nkey = {old.key}\n")  # fmt: skip
    lab.spawn("/usr/bin/stunnel4", conf)
    lab.program("/bin/sh", "-c", f"until ss -Hlnt | grep -q '{OTHER}:465'; do sleep 0.05; done")


def _malformed(lab: Lab, *, version: int) -> None:
    """Signed again over what no library would make."""
    key = ec.generate_private_key(ec.SECP256R1())
    good = certify(Wish(subject=HOST, names=(HOST,)), lab.trust.issuer).certificate
    builder = x509.CertificateBuilder(
        good.issuer, good.subject, key.public_key(), good.serial_number,
        good.not_valid_before_utc, good.not_valid_after_utc, list(good.extensions),
    )  # fmt: skip
    signed = builder.sign(_key(lab.trust.issuer), hashes.SHA256())
    der = signed.public_bytes(serialization.Encoding.DER)
    head = b"\xa0\x03\x02\x01"
    der = _signed_again(der, lab.trust.issuer, head + b"\x02", head + bytes((version,)))
    tls_front(lab, _raw(lab.directory, der, key, lab.trust.issuer))


def _key(identity: Identity) -> ec.EllipticCurvePrivateKey:
    assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
    return identity.key


def _signed_again(der: bytes, issuer: Identity, old: bytes, new: bytes) -> bytes:
    body = x509.load_der_x509_certificate(der).tbs_certificate_bytes.replace(old, new)
    signature = _key(issuer).sign(body, ec.ECDSA(hashes.SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    bits = b"\x03" + _length(len(signature) + 1) + b"\x00" + signature
    inner = body + algorithm + bits
    return b"\x30" + _length(len(inner)) + inner


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((0x80 | len(octets),)) + octets


def _raw(directory: Path, der: bytes, key: ec.EllipticCurvePrivateKey, issuer: Identity) -> Files:
    place = Identity(issuer.certificate, key)
    files = write(directory, place, name="raw")
    files.chain.write_bytes(DER_cert_to_PEM_cert(der).encode() + issuer.pem)
    return files


def _extension_twice(lab: Lab) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    good = certify(Wish(subject=HOST, names=(HOST,)), lab.trust.issuer).certificate
    builder = x509.CertificateBuilder(
        good.issuer, good.subject, key.public_key(), good.serial_number,
        good.not_valid_before_utc, good.not_valid_after_utc, list(good.extensions),
    )  # fmt: skip
    names = good.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    other = x509.ObjectIdentifier("2.5.29.18")  # as long as the one it is to become
    marked = builder.add_extension(x509.UnrecognizedExtension(other, names.public_bytes()), False)
    signed = marked.sign(_key(lab.trust.issuer), hashes.SHA256())
    der = signed.public_bytes(serialization.Encoding.DER)
    der = _signed_again(der, lab.trust.issuer, b"\x06\x03\x55\x1d\x12", b"\x06\x03\x55\x1d\x11")
    s_server(lab, _raw(lab.directory, der, key, lab.trust.issuer))


def _stapled_revoked(lab: Lab) -> None:
    leaf = certify(Wish(subject=HOST, names=(HOST,)), lab.trust.issuer)
    now = datetime.now(UTC)
    answer = (
        ocsp.OCSPResponseBuilder()
        .add_response(leaf.certificate, lab.trust.issuer.certificate, hashes.SHA1(),
                      ocsp.OCSPCertStatus.REVOKED, now - DAY, now + 3 * DAY, now - 9 * DAY,
                      x509.ReasonFlags.key_compromise)
        .responder_id(ocsp.OCSPResponderEncoding.HASH, lab.trust.issuer.certificate)
        .sign(_key(lab.trust.issuer), hashes.SHA256())
    )  # fmt: skip
    staple = lab.file("staple.der", answer.public_bytes(serialization.Encoding.DER))
    files = write(lab.directory, leaf, lab.trust.issuer)
    # haproxy takes the answer from beside the certificate.
    staple.rename(f"{files.both}.ocsp")
    sink(lab, 10025)
    haproxy(lab, files)


SITUATIONS = (
    _case(
        name="certificate-expired",
        what="Postfix with a certificate that ended nine days ago",
        expert="the certificate has expired; renew it, and reload the server",
        build=_postfix(begins=-99, ends=-9),
        causes=("tls.certificate_expired",), fix=("renew", "reload|restart"), never=NO_TRICKS,
    ),
    _case(
        name="certificate-expired-dovecot",
        what="Dovecot's submission service with a certificate that ended an hour ago",
        expert="the certificate has expired",
        build=partial(_dovecot, begins=-90, ends=-0.04),
        causes=("tls.certificate_expired",), fix=("renew",), never=NO_TRICKS,
    ),
    _case(
        name="certificate-not-yet-valid",
        what="stunnel with a certificate that begins in three days",
        expert="the certificate is not valid yet (or this machine's clock is slow)",
        build=_stunnel(begins=3, ends=93),
        causes=("tls.certificate_not_yet_valid",), fix=("clock|wait|until|date",), never=NO_TRICKS,
    ),
    _case(
        name="self-signed",
        what="Postfix with a certificate it made itself, as Debian installs it",
        expert="self-signed: nobody vouches for it",
        build=_self_signed,
        causes=("tls.certificate_self_signed",), never=NO_TRICKS,
        fix=("fingerprint|--ca-file|authority",),
    ),
    _case(
        name="default-certificate",
        what="Postfix with the certificate that Debian makes for the machine debian",
        expert="nobody has installed a certificate for this name: the operator's",
        build=partial(_self_signed, name="debian"),
        causes=("tls.certificate_default",), fix=("public authority",),
        never=(*NO_TRICKS, "connect to"),
    ),
    _case(
        name="self-signed-with-company",
        what="the same with an organization in its name",
        expert="self-signed",
        build=partial(_self_signed, company=True),
        causes=("tls.certificate_self_signed",), never=NO_TRICKS,
    ),
    _case(
        name="self-signed-with-more-behind",
        what="a self-signed certificate with an old authority's behind it in the file",
        expert="self-signed; what is behind it does not belong to it",
        build=partial(_self_signed, behind=True),
        causes=("tls.certificate_self_signed",), also=("tls.chain_unrelated",), never=NO_TRICKS,
    ),
    _case(
        name="other-name",
        what="Postfix with a certificate for another host of the same domain",
        expert="the certificate is for another name; ask by that name or put this one in",
        build=_postfix("mx1.example.com"),
        causes=("tls.certificate_wrong_host",), told=r"mx1\.example\.com", never=NO_TRICKS,
        fix=(r"mx1\.example\.com",),
    ),
    _case(
        name="domain-without-host",
        what="the web site's certificate (example.com and www) on the mail server",
        expert="the certificate does not have the mail server's name",
        build=_stunnel("example.com", "www.example.com"),
        causes=("tls.certificate_wrong_host",), told=r"example\.com", never=NO_TRICKS,
    ),
    _case(
        name="wildcard-two-labels",
        what="a wildcard for *.example.com, asked as smtp.eu.example.com",
        expert="a wildcard stands for one label only",
        build=_two_labels, target="smtp.eu.example.com",
        causes=("tls.certificate_wrong_host",), told=r"\*\.example\.com", never=NO_TRICKS,
    ),
    _case(
        name="wildcard-underscore",
        what="a wildcard, asked by a name with an underscore",
        expert="TLS libraries take no wildcard for a label that is no host name",
        build=_underscore, target="mail_1.example.com",
        causes=("tls.certificate_wrong_host",), never=NO_TRICKS,
    ),
    _case(
        name="hosting-default-certificate",
        what="a shared host behind nginx that answers with its own certificate",
        expert="the certificate is the hosting machine's: use that name, or add this one",
        build=_virtual_hosts,
        causes=("tls.certificate_wrong_host",), told=r"server12\.hosting\.example\.net",
        never=NO_TRICKS,
    ),
    _case(
        name="common-name-only",
        what="a certificate with the name only in its subject",
        expert="the name is in the obsolete place only; many clients refuse it",
        build=_common_name_only, verdicts=("warnings",),
        causes=("tls.certificate_common_name_only",), fix=("subject.?alt|SAN|names?",),
    ),
    _case(
        name="asked-by-address",
        what="a good certificate, asked by the server's address",
        expert="the certificate has names and no address: ask by name",
        build=_stunnel(), target=f"{MAIL}:465",
        causes=("tls.certificate_no_address",), told=r"mail\.example\.com", fix=("name",),
        never=NO_TRICKS,
    ),
    _case(
        name="address-as-a-name",
        what="an address put into the certificate as a DNS name, asked by address",
        expert="the address is there as a name; it must be an IP entry",
        build=_stunnel(f"dns:{MAIL}"), target=MAIL,
        causes=("tls.certificate_no_address", "tls.certificate_wrong_host"), never=NO_TRICKS,
    ),
    _case(
        name="rsa-1024",
        what="a certificate with an RSA key of 1024 bits",
        expert="the key is too weak",
        build=partial(_weak, key="rsa1024"),
        causes=("tls.certificate_weak",), told="1024", fix=("2048|new|reissue|larger",),
        never=NO_TRICKS,
    ),
    _case(
        name="sha1-signature",
        what="a certificate signed with SHA-1",
        expert="the signature is too weak",
        build=_sha1,
        causes=("tls.certificate_weak",), told="SHA.?1", never=NO_TRICKS,
    ),
    _case(
        name="client-certificate-as-server",
        what="a certificate made for clients only",
        expert="not made for a server (extended key usage)",
        build=_stunnel(purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
        causes=("tls.certificate_wrong_purpose",), fix=("server",), never=NO_TRICKS,
    ),
    _case(
        name="expires-in-five-days",
        what="Postfix with a certificate of 90 days that ends in five",
        expert="it works, and ends in five days: renewal does not work",
        build=_postfix(begins=-85, ends=5), verdicts=("warnings",),
        causes=("tls.certificate_expires_soon",), fix=("renew",),
    ),
    _case(
        name="six-day-certificate",
        what="a certificate of six days in its second day",
        expert="nothing is wrong: it is short-lived by design",
        build=_stunnel(begins=-2, ends=4.7), verdicts=("works",),
    ),
    _case(
        name="47-day-certificate",
        what="a certificate of 47 days with 13 left",
        expert="nothing is wrong yet: renewal comes at a third of the time",
        build=_stunnel(begins=-34, ends=13.2), verdicts=("works",),
    ),
    _case(
        name="ed25519",
        what="a certificate with an Ed25519 key",
        expert="it works with this client",
        build=_stunnel(key="ed25519"), verdicts=HEALTHY, also=("tls.certificate_uncommon_key",),
    ),
    _case(
        name="must-staple-without-staple",
        what="a certificate that wants a stapled OCSP answer, on a server that staples none",
        expert="clients that heed must-staple refuse it: staple, or have it issued without",
        build=_stunnel(must_staple=True), verdicts=("warnings", "works"),
        causes=("tls.staple_missing", "tls.staple_missing", "tls.must_staple"),
        told="stapl", fix=("stapl",),
    ),
    _case(
        name="stapled-revoked",
        what="HAProxy that staples an OCSP answer: revoked, key compromised",
        expert="the certificate was revoked: replace it, with a new key",
        build=_stapled_revoked, options=("--deep",),
        also=("dns.reverse_missing", "tls.weak_cipher_accepted"), verdicts=("fails", "warnings"),
        causes=("tls.certificate_revoked", "tls.staple_revoked"), fix=("new|replace|reissue",),
    ),
    _case(
        name="version-eight",
        what="a certificate of version 8",
        expert="the certificate is malformed: it has to be issued again",
        build=partial(_malformed, version=7), verdicts=("fails", "warnings"),
        causes=("tls.certificate_invalid", "tls.certificate_malformed"), never=NO_TRICKS,
        fix=("issue|new|replace",),
    ),
    _case(
        name="extension-twice",
        what="a certificate with one extension twice",
        expert="the certificate is malformed: it has to be issued again",
        build=_extension_twice,
        causes=("tls.certificate_invalid", "tls.certificate_malformed"), never=NO_TRICKS,
        also=("smtp.greeting_timeout",), fix=("issue|new|replace",),
    ),
    _case(
        name="no-key-identifiers",
        what="a private CA's certificate without key identifiers",
        expert="works here; Python from 3.13 on refuses it",
        build=_stunnel(key_identifiers=False), verdicts=("warnings",),
        causes=("tls.certificate_not_strict",), told="identifier",
    ),
    _case(
        name="two-addresses-one-expired",
        what="two addresses, of which one still shows last quarter's certificate",
        expert="one of two servers was not reloaded",
        build=_differing, verdicts=("fails", "warnings"), told=OTHER.replace(".", r"\."),
        causes=("tls.certificate_expired", "tls.certificate_differs"),
        also=("net.some_addresses_fail", "tls.certificate_differs"), fix=("renew|reload|address",),
    ),
    _case(
        name="pinned-and-replaced",
        what="a client that pinned a fingerprint, and a new certificate",
        expert="it is not the pinned one: ask the operator, then pin the new one",
        build=_stunnel(), options=("--fingerprint", "ab" * 32),
        causes=("tls.fingerprint_mismatch",), fix=("operator|fingerprint|pin the new",),
        never=NO_TRICKS,
    ),
    _case(
        name="healthy-postfix",
        what="Postfix with a good certificate, settings of today",
        expert="nothing is wrong",
        build=_postfix(), verdicts=("works",),
    ),
    _case(
        name="healthy-dovecot",
        what="Dovecot's submission service with a good certificate",
        expert="nothing is wrong",
        build=_dovecot, verdicts=("works",),
    ),
)  # fmt: skip
