"""TLS itself: versions, ciphers, groups, client certificates, devices in the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.field.authority import CLIENT, SERVER, Wish, certify, write
from tests.field.lab import Lab
from tests.field.network import MAIL
from tests.field.node import modern_node
from tests.field.servers import IMPLICIT, gnutls, nginx, postfix, s_server, sink, stunnel, tls_front
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="TLS", also=("smtp.greeting_timeout",))
WEAKEST = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


def _openssl(*options: str) -> Callable[[Lab], None]:
    return lambda lab: s_server(lab, lab.certificate(key="rsa"), *options)


def _ciphers(names: str, *options: str) -> Callable[[Lab], None]:
    return _openssl("-tls1_2", "-cipher", f"{names}:@SECLEVEL=0", *options)


def _no_certificate(lab: Lab) -> None:
    s_server(lab, None, "-tls1_2", "-cipher", "aNULL:@SECLEVEL=0")


def _postfix_without(lab: Lab) -> None:
    """What is left when the certificate's lines are missing: anonymous ciphers."""
    postfix(lab, lab.certificate(), {465: IMPLICIT},
            main={"smtpd_tls_cert_file": "none", "smtpd_tls_key_file": "",
                  "smtpd_tls_exclude_ciphers": "MD5"})  # fmt: skip


def _client_wanted(lab: Lab, *settings: str) -> None:
    """Stunnel that lets in the clients of one authority."""
    authority = certify(Wish(subject="Acme Clients CA", authority=True))
    accepted = write(lab.directory, authority, name="clients")
    lab.file("roots-of-clients.pem", authority.pem)
    tls_front(lab, lab.certificate(), "verifyChain = yes", f"CAfile = {accepted.chain}", *settings)
    lab.trusted.append(authority)


def _client(lab: Lab, wish: Wish, *, known: bool = True, tls: str = "TLSv1.3") -> None:
    """The same, asked with a certificate of the client's own."""
    authority = certify(Wish(subject="Acme Clients CA", authority=True))
    stranger = certify(Wish(subject="Some Other CA", authority=True))
    accepted = write(lab.directory, authority, name="clients")
    write(lab.directory, certify(wish, authority if known else stranger), name="client")
    tls_front(lab, lab.certificate(), "verifyChain = yes", f"CAfile = {accepted.chain}",
              f"sslVersionMax = {tls}")  # fmt: skip


WITH_CLIENT = ("--client-cert", "{lab}/client.crt", "--client-key", "{lab}/client.key")


def _small_dh(lab: Lab) -> None:
    files = lab.certificate(key="rsa")
    lab.program("openssl", "dhparam", "-out", "dh.pem", "-dsaparam", "1024")
    parameters = (lab.directory / "dh.pem").read_bytes()
    files.chain.write_bytes(files.chain.read_bytes() + parameters)
    tls_front(lab, files, "sslVersion = TLSv1.2",
              "ciphers = DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0")  # fmt: skip


def _ml_kem(lab: Lab, groups: str) -> None:
    files = lab.certificate()
    sink(lab, 10025)
    script = lab.file(
        "front.js",
        f"""\
const tls = require('tls'), net = require('net'), fs = require('fs')
tls.createServer({{cert: fs.readFileSync('{files.chain}'), key: fs.readFileSync('{files.key}'),
  ecdhCurve: '{groups}'}}, client => {{
    const behind = net.connect(10025, '127.0.0.1')
    client.pipe(behind).pipe(client)
    client.on('error', () => behind.destroy())
  }}).listen(465, '{MAIL}')
""",
    )
    lab.spawn(modern_node(), script)
    lab.listening(465)


def _behind(device: str, *options: str, port: int = 465) -> Callable[[Lab], None]:
    """A device of ours in front of a good server."""

    def build(lab: Lab) -> None:
        sink(lab, 10025)
        stunnel(lab, lab.certificate(), 4650, "127.0.0.1:10025", address="127.0.0.1")
        lab.device(device, port, *options, "--to", "127.0.0.1:4650")

    return build


def _unknown_to_nginx(lab: Lab) -> None:
    files = lab.certificate("shop.example.org")
    nginx(
        lab,
        f"""http {{ server {{ listen {MAIL}:465 ssl default_server; ssl_reject_handshake on; }}
        server {{ listen {MAIL}:465 ssl; server_name shop.example.org;
        ssl_certificate {files.chain}; ssl_certificate_key {files.key}; }} }}""",
        465,
    )


def _no_file_for_the_name(lab: Lab) -> None:
    """One certificate file for each name, and none for this one."""
    files = lab.certificate("shop.example.org")
    files.chain.rename(lab.directory / "shop.example.org.crt")
    nginx(
        lab,
        f"""http {{ server {{ listen {MAIL}:465 ssl;
        ssl_certificate {lab.directory}/$ssl_server_name.crt;
        ssl_certificate_key {files.key}; }} }}""",
        465,
    )


SITUATIONS = (
    _case(
        name="tls-1.1-only", what="OpenSSL with TLS 1.1 and nothing newer",
        expert="the server speaks old TLS only: upgrade it",
        build=_openssl("-tls1_1", "-cipher", WEAKEST),
        causes=("tls.protocol_version",), told=r"1\.1", fix=(r"1\.2",),
    ),
    _case(
        name="tls-1.0-only", what="stunnel with TLS 1.0 only",
        expert="the server speaks old TLS only: upgrade it",
        build=lambda lab: tls_front(lab, lab.certificate(key="rsa"), "sslVersion = TLSv1",
                                    "ciphers = ALL:@SECLEVEL=0"),
        causes=("tls.protocol_version",), told=r"1\.0|TLSv1\b", fix=(r"1\.2",),
    ),
    _case(
        name="tls-1.3-only", what="a server with TLS 1.3 and nothing older",
        expert="nothing is wrong",
        build=lambda lab: tls_front(lab, lab.certificate(), "sslVersion = TLSv1.3"),
        verdicts=HEALTHY,
    ),
    _case(
        name="no-certificate", what="OpenSSL without a certificate: anonymous ciphers only",
        expert="the server has no certificate",
        build=_no_certificate,
        causes=("tls.no_server_certificate", "tls.no_certificate", "tls.anonymous_only"),
        told="no certificate|without a certificate|anonymous", fix=("certificate",),
        never=("upgrade",),
    ),
    _case(
        name="postfix-without-certificate", what="Postfix whose certificate was left out",
        expert="the server has no certificate: set smtpd_tls_chain_files",
        build=_postfix_without,
        causes=("tls.no_server_certificate", "tls.no_certificate", "tls.anonymous_only"),
        told="no certificate|without a certificate|anonymous", fix=("certificate",),
        never=("upgrade",),
    ),
    _case(
        name="client-certificate-tls-1.2", what="OpenSSL with -Verify in TLS 1.2",
        expert="the server wants a certificate of the client",
        build=_openssl("-tls1_2", "-Verify", "1"),
        causes=("tls.client_certificate_required",), fix=("client.?cert|certificate",),
        never=("upgrade",),
    ),
    _case(
        name="client-certificate-tls-1.3", what="OpenSSL with -Verify in TLS 1.3",
        expert="the server wants a certificate of the client",
        build=_openssl("-tls1_3", "-Verify", "1"),
        causes=("tls.client_certificate_required",), fix=("client.?cert|certificate",),
    ),
    _case(
        name="client-certificate-stunnel", what="stunnel that lets in clients of one authority",
        expert="the server wants a certificate of the client",
        build=_client_wanted,
        causes=("tls.client_certificate_required",), fix=("client.?cert|certificate",),
    ),
    _case(
        name="client-certificate-of-another-authority",
        what="the same, asked with a certificate of an authority that it does not know",
        expert="the server does not know who issued the client's certificate",
        build=lambda lab: _client(lab, Wish(subject="robot", purposes=(CLIENT,)), known=False),
        options=WITH_CLIENT, causes=("tls.client_certificate_unfit",
        "tls.client_certificate_refused",),
        told="issue|authority|know", fix=("authority|issue|certificate",),
    ),
    _case(
        name="client-certificate-expired", what="the same with one that has expired",
        expert="the client's certificate has expired: renew it",
        build=lambda lab: _client(lab, Wish(subject="robot", purposes=(CLIENT,), begins=-99,
                                            ends=-2)),
        options=WITH_CLIENT, causes=("tls.client_certificate_unfit",
        "tls.client_certificate_refused",
                                     "tls.client_certificate_expired"),
        told="expired", fix=("renew|new",),
    ),
    _case(
        name="client-certificate-for-servers",
        what="the same with one that is made for servers only, as public authorities now issue",
        expert="the client's certificate is not made for clients",
        build=lambda lab: _client(lab, Wish(subject="robot", purposes=(SERVER,))),
        options=WITH_CLIENT, causes=("tls.client_certificate_unfit",
        "tls.client_certificate_refused",
                                     "tls.client_certificate_wrong_purpose"),
        told="client.?auth|purpose|for servers|not (made|meant|issued) for",
    ),
    _case(
        name="dh-1024", what="stunnel with DHE of 1024 bits only",
        expert="the Diffie-Hellman parameters are too small",
        build=_small_dh, causes=("tls.weak_key_exchange",), fix=("2048|ECDHE",),
    ),
    _case(
        name="static-rsa-only", what="ciphers without forward secrecy only",
        expert="old ciphers only",
        build=_ciphers("AES128-SHA"), causes=("tls.old_ciphers_only",), told="AES128-SHA",
        fix=("ECDHE|GCM|upgrade|cipher",),
    ),
    _case(
        name="cbc-sha1-only", what="ECDHE with CBC and SHA-1 only",
        expert="old ciphers only",
        build=_ciphers("ECDHE-RSA-AES256-SHA"), causes=("tls.old_ciphers_only",),
        told="ECDHE-RSA-AES256-SHA",
    ),
    _case(
        name="null-cipher-only", what="ciphers that do not encrypt",
        expert="the server offers no encryption: no cipher in common",
        build=_ciphers("NULL-SHA256"),
        causes=("tls.no_common_cipher", "tls.old_ciphers_only", "tls.handshake_refused"),
        told="NULL|no encryption|cipher in common", fix=("cipher",),
    ),
    _case(
        name="dsa-certificate-only", what="OpenSSL with a DSA certificate",
        expert="the certificate is of a kind that no client takes any more: RSA or ECDSA instead",
        build=lambda lab: s_server(lab, lab.certificate(key="dsa"), "-tls1_2", "-cipher",
                                   "aDSS:@SECLEVEL=0"),
        causes=("tls.no_common_certificate",), told="DSA", fix=("RSA|ECDSA",),
        never=("upgrade",),
    ),
    _case(
        name="odd-curve-certificate", what="OpenSSL with a certificate on the curve secp256k1",
        expert="clients do not take keys on this curve: P-256 or RSA instead",
        build=lambda lab: s_server(lab, lab.certificate(key="secp256k1")),
        causes=("tls.no_common_certificate",), told="secp256k1", fix=("P-256|RSA",),
        never=("upgrade",),
    ),
    *(
        _case(
            name=f"{kind}-only", what=f"OpenSSL with {kind.upper()} ciphers only",
            expert="sound ciphers, but none that clients offer: enable AES-GCM",
            build=_ciphers(cipher), causes=("tls.no_common_cipher",), told=cipher,
            fix=("AES-GCM",), never=("upgrade",),
        )
        for kind, cipher in (
            ("aria", "ECDHE-ARIA256-GCM-SHA384"), ("camellia", "ECDHE-RSA-CAMELLIA256-SHA384"),
            ("ccm", "DHE-RSA-AES256-CCM8"),
        )
    ),
    _case(
        name="ccm-only-in-tls-1.3", what="OpenSSL with TLS 1.3 and AES-CCM only",
        expert="a sound cipher, but none that clients offer: enable AES-GCM",
        build=_openssl("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"),
        causes=("tls.no_common_cipher",), told="CCM", fix=("AES-GCM",), never=("upgrade",),
    ),
    _case(
        name="psk-only", what="OpenSSL with a pre-shared key and no certificate",
        expert="the server wants a pre-shared key, not a certificate: no SMTP server does",
        build=lambda lab: s_server(lab, None, "-tls1_2", "-psk", "c0ffee", "-cipher",
                                   "PSK-AES128-GCM-SHA256"),
        causes=("tls.no_common_cipher", "tls.no_server_certificate", "tls.psk_only",
                "tls.handshake_refused"),
        told="pre-shared|PSK|no certificate|cipher in common",
    ),
    _case(
        name="chacha-only", what="ChaCha20 in TLS 1.2 only",
        expert="nothing is wrong",
        build=lambda lab: tls_front(lab, lab.certificate(), "sslVersion = TLSv1.2",
                                    "ciphers = ECDHE-ECDSA-CHACHA20-POLY1305"),
        verdicts=HEALTHY,
    ),
    _case(
        name="brainpool-only", what="a server with one key-exchange group: a Brainpool curve",
        expert="no key-exchange group in common",
        build=_openssl("-tls1_2", "-cipher", "ECDHE", "-curves", "brainpoolP512r1"),
        causes=("tls.no_common_group", "tls.no_common_cipher", "tls.handshake_refused"),
        told="group in common|curve|only the key-exchange group",
        never=("upgrade it",),
    ),
    _case(
        name="ml-kem-only", what="Node with OpenSSL 3.5 and X25519MLKEM768 only",
        expert="the server takes post-quantum groups only: it is too new for this client",
        build=partial(_ml_kem, groups="X25519MLKEM768"),
        causes=("tls.no_common_group", "tls.post_quantum_only", "tls.no_common_cipher"),
        told="post-quantum|ML-?KEM|newer|too new", fix=("X25519|P-256|group|newer",),
        never=("upgrade it", "old ciphers"),
    ),
    _case(
        name="ml-kem-pure-only", what="Node with OpenSSL 3.5 and MLKEM1024 only",
        expert="the server takes post-quantum groups only: it is too new for this client",
        build=partial(_ml_kem, groups="MLKEM1024"),
        causes=("tls.no_common_group", "tls.post_quantum_only", "tls.no_common_cipher"),
        told="post-quantum|ML-?KEM|newer|too new", fix=("X25519|P-256|group|newer",),
        never=("upgrade it", "old ciphers"),
    ),
    _case(
        name="ml-kem-preferred", what="Node with OpenSSL 3.5, ML-KEM first and X25519 as well",
        expert="nothing is wrong",
        build=partial(_ml_kem, groups="X25519MLKEM768:X25519"), verdicts=HEALTHY,
    ),
    _case(
        name="sha1-signatures-only", what="a server that signs its handshake with SHA-1 only",
        expert="no signature algorithm in common",
        build=_openssl("-tls1_2", "-sigalgs", "RSA+SHA1", "-cipher", "ECDHE:@SECLEVEL=0"),
        causes=("tls.no_common_cipher", "tls.no_common_signature", "tls.old_ciphers_only",
                "tls.weak_signature", "tls.weak_key_exchange"),
        told="signature|SHA-?1\\b",
    ),
    _case(
        name="large-hello-reset", what="a device that resets a ClientHello above 400 octets",
        expert="a device in the way does not take large ClientHellos",
        build=_behind("hello", "--limit", "400", "--way", "reset"),
        causes=("tls.large_hello",), told="large|octets|size|long",
        fix=("firewall|device|load balancer|update",),
    ),
    _case(
        name="large-hello-dropped", what="a device that swallows a ClientHello above 400 octets",
        expert="a device in the way does not take large ClientHellos",
        build=_behind("hello", "--limit", "400", "--way", "silence"),
        causes=("tls.large_hello",), told="large|octets|size|long",
        fix=("firewall|device|load balancer|update",),
    ),
    _case(
        name="tls-1.3-reset", what="a device that resets any ClientHello with TLS 1.3 in it",
        expert="something in the way does not stand TLS 1.3",
        build=_behind("hello", "--no-tls13", "--way", "reset"),
        causes=("tls.version_intolerant",), told=r"1\.3",
        fix=("firewall|device|server|update|upgrade",),
    ),
    _case(
        name="tls-1.3-swallowed", what="a device that swallows any ClientHello with TLS 1.3",
        expert="something in the way does not stand TLS 1.3",
        build=_behind("hello", "--no-tls13", "--way", "silence"),
        causes=("tls.version_intolerant",), told=r"1\.3",
    ),
    _case(
        name="closed-on-hello", what="a device that closes on any ClientHello",
        expert="the server hangs up without a reason; its log knows",
        build=_behind("hello", "--limit", "1", "--way", "close"),
        causes=("tls.closed",), fix=("log",),
    ),
    _case(
        name="reset-on-hello", what="a device that resets on any ClientHello",
        expert="reset during the handshake: a firewall, or the server itself",
        build=_behind("hello", "--limit", "1", "--way", "reset"),
        causes=("net.reset", "tls.closed"), fix=("firewall|log|network",),
    ),
    _case(
        name="nginx-knows-no-such-name", what="nginx that rejects the handshake for other names",
        expert="the server does not know the name",
        build=_unknown_to_nginx,
        causes=("tls.unrecognized_name",), told=r"mail\.example\.com|name", fix=("name",),
    ),
    _case(
        name="nginx-asked-by-address", what="the same, asked by address",
        expert="by address no name is sent: ask by name",
        build=_unknown_to_nginx, target=MAIL,
        causes=("tls.unrecognized_name", "tls.name_needed", "tls.no_name_sent"),
        told="no (server )?name|without a name|by (its )?name", fix=("name",),
    ),
    _case(
        name="no-certificate-file-for-the-name",
        what="nginx that looks for a certificate file by name and finds none",
        expert="the server has an error of its own, most likely no certificate for the name",
        build=_no_file_for_the_name,
        causes=("tls.server_error", "tls.unrecognized_name"), told="certificate|name",
        fix=("log|certificate",),
    ),
    _case(
        name="gnutls-knows-no-such-name", what="GnuTLS's server with a name of its own, fatal",
        expert="the server does not know the name",
        build=lambda lab: gnutls(lab, lab.certificate(), "NORMAL", "--sni-hostname=other.example",
                                 "--sni-hostname-fatal"),
        causes=("tls.unrecognized_name",), fix=("name",),
    ),
    _case(
        name="no-safe-renegotiation", what="GnuTLS without RFC 5746, as servers before 2010",
        expert="the server's TLS is from before 2010",
        build=lambda lab: gnutls(lab, lab.certificate(),
                                 "NORMAL:-VERS-TLS1.3:%DISABLE_SAFE_RENEGOTIATION"),
        causes=("tls.legacy_renegotiation",), fix=("upgrade|update",),
    ),
    _case(
        name="gnutls-anonymous", what="GnuTLS with anonymous key exchange only",
        expert="the server has no certificate",
        build=lambda lab: gnutls(lab, None, "NORMAL:-VERS-TLS1.3:-KX-ALL:+ANON-ECDH:+ANON-DH"),
        causes=("tls.no_server_certificate", "tls.no_certificate", "tls.anonymous_only"),
        told="no certificate|without a certificate|anonymous", never=("upgrade it",),
    ),
    _case(
        name="broken-after-handshake", what="a device that changes an octet after the handshake",
        expert="something in the way damages the connection",
        build=_behind("corrupt", "--after", "2"),
        causes=("tls.broken",),
    ),
    _case(
        name="alert-80", what="a server that answers any hello with internal_error",
        expert="the server's TLS has an error of its own; its log knows",
        build=lambda lab: lab.device("alert", 465, "--number", "80"),
        causes=("tls.server_error",), fix=("log",),
    ),
    _case(
        name="old-versions-too", what="stunnel that takes TLS 1.0 too; looked at in depth",
        expert="it works, and takes old TLS as well",
        build=lambda lab: tls_front(lab, lab.certificate(key="rsa"), "sslVersionMin = TLSv1",
                                    "ciphers = DEFAULT:@SECLEVEL=0"),
        options=("--deep",), verdicts=("warnings", "works"),
        causes=("tls.old_versions_accepted",), told=r"1\.0|TLSv1\b",
        also=("dns.reverse_missing", "dns.reverse_mismatch"), fix=(r"1\.2",),
    ),
)  # fmt: skip
