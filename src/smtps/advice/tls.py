"""The handshake, and STARTTLS."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_W = Severity.WARNING
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR
_NETWORK = Who.NETWORK
_MODERN = "Upgrade the mail server's TLS library, or its settings, to TLS 1.2 and 1.3."

ADVICE: dict[str, Advice] = {
    "tls.plaintext_on_tls_port": Advice(
        _E, "The server talks SMTP here, but without TLS from the first byte. Other programs call "
        "this “wrong version number”.",
        "Use STARTTLS: port 587, or this port with --starttls. As the operator of a listener for "
        "port 465, set smtpd_tls_wrappermode=yes (Postfix) or tls_on_connect_ports=465 (Exim).",
        _YOU),
    "tls.not_tls": Advice(
        _E, "What listens here speaks neither TLS nor SMTP.",
        "Check host and port: 465 with implicit TLS, 587 with STARTTLS.", _YOU),
    "tls.timeout": Advice(
        _E, "The port is open, but no TLS comes back: a server without TLS that waits for you to "
        "speak, a tarpit, or a dead back end.",
        "Try the other way: port 465 with implicit TLS, port 587 with STARTTLS.", _YOU),
    "tls.handshake_stalled": Advice(
        _E, "The TLS handshake began and stopped half-way: the server or a proxy hangs, or part of "
        "what it sends is lost on the way.",
        "Try from another network. As its operator, look whether the server hangs, and whether "
        "large packets get through.", _OPERATOR),
    "tls.starttls_unanswered": Advice(
        _E, "The server offers STARTTLS and does not answer when it is asked for, so TLS never "
        "began.",
        "As its operator, look whether the server or a filter in front of it hangs; else use port "
        "465 with implicit TLS, if the server has it.", _OPERATOR, "RFC 3207 section 4"),
    "tls.closed": Advice(
        _E, "The server hung up in the middle of the handshake without a reason: a limit on "
        "connections, a block list, or a proxy whose server does not answer.",
        "Try again later and from another address; the server's log tells why.", _OPERATOR),
    "tls.broken": Advice(
        _E, "TLS broke in the middle of the session.",
        "Try again. If it happens each time, something on the way changes what is sent.",
        _OPERATOR),
    "tls.plaintext_in_tls": Advice(
        _E, "The server spoke in the clear in the middle of TLS, as some do that end a session by "
        "force.",
        "Try again. As its operator, look into the mail server's log for the reason it gave.",
        _OPERATOR),
    "tls.failed": Advice(_E, "TLS did not come about.", "The server's log tells why.", _OPERATOR),
    "tls.protocol_version": Advice(
        _E, "The server speaks only TLS versions that are no longer safe.", _MODERN, _OPERATOR),
    "tls.handshake_refused": Advice(
        _E, "The server refused the TLS handshake, and its alert leaves the cause open.",
        "Look into the server's TLS log: it names the cause.", _OPERATOR, "RFC 8446 section 6.2"),
    "tls.no_common_cipher": Advice(
        _E, "Client and server have no cipher or key-exchange group in common.",
        "Look into the server's TLS log: it names what was missing.", _OPERATOR,
        "RFC 9325 section 4.2"),
    "tls.no_common_group": Advice(
        _E, "The server accepts only a key-exchange group that common clients do not offer.",
        "Enable X25519 and P-256 on the server too.", _OPERATOR, "RFC 8446 section 9.1"),
    "tls.post_quantum_only": Advice(
        _E, "The server is too new for this client: it accepts only post-quantum key exchange, "
        "which takes OpenSSL 3.5 or later, Go 1.24 or a current browser.",
        "As its operator, enable X25519 and P-256 too; else upgrade the client's OpenSSL to 3.5.",
        _OPERATOR),
    "tls.no_server_certificate": Advice(
        _E, "The server has no certificate that it could show, so no client can trust it.",
        "Configure certificate and key for this port, check that the server can read both files, "
        "and restart it.", _OPERATOR),
    "tls.minimum_not_met": Advice(
        _E, "The server's newest TLS version is older than the one that was demanded.",
        "Accept TLS 1.2, which is still safe; as the server's operator, enable TLS 1.3.", _YOU),
    "tls.large_hello": Advice(
        _E, "The server, or a box before it, cannot take a ClientHello that is larger than one "
        "packet, as OpenSSL 3.5, Go 1.24 and browsers send it.",
        "Update the server's TLS software, or the firewall or load balancer before it. Until then, "
        "limit the client's groups to X25519 and P-256.", _OPERATOR, "RFC 8446 section 5.1"),
    "tls.twice": Advice(
        _E, "A proxy does TLS in front of a server that begins with TLS itself.",
        "As its operator, let only one of them do TLS: pass connections through in the proxy, or "
        "switch off TLS from the first byte in the server behind it (Postfix: "
        "smtpd_tls_wrappermode=no).", _OPERATOR),
    "tls.starttls_masked": Advice(
        _E, "A firewall on the way inspects SMTP and takes STARTTLS away.",
        "Switch the inspection off on the firewall (Cisco: no inspect esmtp), or use port 465 with "
        "implicit TLS.", _NETWORK),
    "tls.name_needed": Advice(
        _E, "The server hosts several names, and an address does not tell it which one you mean.",
        "Connect by the server's name.", _YOU, "RFC 6066 section 3"),
    "tls.name_blocked": Advice(
        _E, "Something on the way blocks connections by the name of this server.",
        "Ask whoever runs the network to allow the name, or try another network.", _NETWORK),
    "tls.weak_key_exchange": Advice(
        _E, "The server's Diffie-Hellman key is too short.",
        "Use ECDHE, or DH parameters of 2048 bits or more.", _OPERATOR),
    "tls.legacy_renegotiation": Advice(
        _E, "The server's TLS is from before 2010.", _MODERN, _OPERATOR),
    "tls.client_certificate_required": Advice(
        _E, "The server lets in only clients with a certificate of their own.",
        "Give one, or use another port.", _YOU),
    "tls.client_certificate_refused": Advice(
        _E, "The server does not accept this client certificate.",
        "Renew it, or get one from the server's operator that is made for clients and whose "
        "issuer the server trusts.", _YOU),
    "tls.unrecognized_name": Advice(
        _E, "The server does not know the name you asked for.",
        "Check the spelling, and use the server's official name; as its operator, configure a "
        "certificate for this name.", _YOU),
    "tls.server_error": Advice(
        _E, "TLS is broken on the server, often because it has no certificate for this name.",
        "The server's log tells why.", _OPERATOR),
    "tls.starttls_not_offered": Advice(
        _E, "The server offers no TLS on this port, or somebody on the way hides it.",
        "Use port 465 with implicit TLS.", _OPERATOR),
    "tls.starttls_refused": Advice(
        _E, "The server offers STARTTLS and then refuses it.", "The server's log tells why.",
        _OPERATOR),
    "tls.starttls_injection": Advice(
        _E, "Bytes were slipped in before TLS began: an attack, or a badly broken server.",
        "Do not use this path; use port 465 with implicit TLS.", _NETWORK),
    "tls.starttls_inside_tls": Advice(
        _W, "The server offers STARTTLS although TLS is already on.",
        "Take STARTTLS out of this listener's offer (RFC 3207 section 4.2).", _OPERATOR),
    "tls.implicit_tls_port": Advice(
        _E, "This port wants TLS from the first byte; the client waited for a greeting in the "
        "clear.",
        "Use implicit TLS: on the command line, --security implicit.", _YOU,
        "RFC 8314 section 3"),
    "tls.old_ciphers_only": Advice(
        _E, "The server offers only ciphers that are no longer safe; some clients still take them.",
        _MODERN, _OPERATOR, "RFC 9325 section 4.2"),
    "tls.old_versions_accepted": Advice(
        _W, "The server still takes TLS versions that are no longer safe.",
        "Switch off TLS 1.0 and 1.1.", _OPERATOR, "RFC 8996"),
    "tls.weak_cipher_accepted": Advice(
        _W, "The server still takes ciphers that are no longer safe.",
        "Offer AES-GCM and ChaCha20-Poly1305 with ECDHE only.", _OPERATOR, "RFC 9325 section 4.2"),
    "tls.version_intolerant": Advice(
        _E, "The server, or a box before it, drops a modern ClientHello and takes an old one.",
        _MODERN, _OPERATOR, "RFC 8446 appendix D"),
}  # fmt: skip
