"""Web servers: those that take events (webhooks), and those that hold documents (autoconfig)."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

ADVICE: dict[str, Advice] = {
    "web.status": Advice(
        _E, "The web server answered with an error.",
        "Look into its log. Whoever takes events has to answer with a status from 200 to 299.",
        _OPERATOR, "RFC 9110 section 15"),
    "web.redirected": Advice(
        _E, "The web server answered with a redirection, which is not followed.",
        "If you trust the place that it leads to, use the URL of that place.", _YOU,
        "RFC 9110 section 15.4"),
    "web.timeout": Advice(
        _E, "The web server did not answer in time, or did not finish its answer.",
        "As its operator, answer first and do the work afterwards; look for a proxy that waits.",
        _OPERATOR),
    "web.closed": Advice(
        _E, "The web server closed the connection without an answer.",
        "Look into its log, and into that of the proxy in front of it.", _OPERATOR),
    "web.malformed": Advice(
        _E, "What the server sent is not an HTTP response that can be used.",
        "Check host and port: something other than a web server may listen there.", _YOU,
        "RFC 9112"),
    "web.too_large": Advice(
        _E, "The response is larger than what is read of one.",
        "As its operator, answer with less.", _OPERATOR),
    "web.proxy_refused": Advice(
        _E, "The HTTP proxy refused to connect to the web server.",
        "Check the proxy's user and password, and whether it allows this host and port.", _YOU,
        "RFC 9110 section 9.3.6"),
}  # fmt: skip

_FIXES: dict[str, str] = {
    "net.refused": "Check the port of the URL, and that the receiver is running.",
    "net.forbidden":
        "The URL leads to an address that is not public, which private = false excludes. Correct "
        "the URL or its DNS records.",
    "net.": "Check the URL, the receiver, and the network between here and there.",
    "dns.": "Check the host of the URL and its DNS records.",
    "tls.certificate_expired": "As the receiver's operator, renew its certificate.",
    "tls.certificate_wrong_host":
        "Use a host name that is in the receiver's certificate, or have this one added to it.",
    "tls.certificate_":
        "As the receiver's operator, install a certificate of a public authority with its full "
        "chain. For an authority of your own, set ca_file of the webhook.",
    "tls.":
        "Check that the port of the URL speaks TLS; a URL for plain HTTP begins with http://.",
    "smtp.": "Check the port of the URL: it does not speak TLS.",
    "input.": "Correct the webhook's settings.",
}  # fmt: skip
"""Of failures whose usual advice is about mail servers; the first that fits counts."""


def fix_for(code: str) -> str | None:
    """What to do about a webhook's failure; None where nothing is known.

    Args:
        code: of any failure on the way to a web server.
    """
    if (row := ADVICE.get(code)) is not None:
        return row.fix
    return next((fix for start, fix in _FIXES.items() if code.startswith(start)), None)
