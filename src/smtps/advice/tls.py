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
        "Use port 587 with STARTTLS; on the command line, add --starttls. As its operator, set "
        "smtpd_tls_wrappermode=yes (Postfix) or tls_on_connect_ports=465 (Exim).", _YOU),
    "tls.not_tls": Advice(
        _E, "Something else than a mail server listens here.", "Check host and port.", _YOU),
    "tls.timeout": Advice(
        _E, "The port is open, but no TLS comes back: a server without TLS that waits for you to "
        "speak, a tarpit, or a dead back end.",
        "Try the other way: port 465 with implicit TLS, port 587 with STARTTLS.", _YOU),
    "tls.closed": Advice(
        _E, "The server hung up in the middle of the handshake without a reason.",
        "Try again later and from another address: it may be a limit on connections or a block "
        "list.", _OPERATOR),
    "tls.broken": Advice(
        _E, "TLS broke in the middle of the session.",
        "Try again. If it happens each time, something on the way changes what is sent.",
        _OPERATOR),
    "tls.failed": Advice(_E, "TLS did not come about.", "The server's log tells why.", _OPERATOR),
    "tls.protocol_version": Advice(
        _E, "The server speaks only TLS versions that are no longer safe.", _MODERN, _OPERATOR),
    "tls.no_common_cipher": Advice(
        _E, "The server offers only ciphers that are no longer safe, or wants a client "
        "certificate.", _MODERN, _OPERATOR),
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
        "Get a valid one from the server's operator.", _YOU),
    "tls.unrecognized_name": Advice(
        _E, "The server does not know the name you asked for.",
        "Use the official name of the provider.", _YOU),
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
        "Use implicit TLS: on the command line, leave out --starttls.", _YOU,
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
