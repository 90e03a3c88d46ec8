"""Web servers: those that take events (webhooks), and those that hold documents (autoconfig)."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

ADVICE: dict[str, Advice] = {
    "http.status": Advice(
        _E, "The web server answered with an error.",
        "Look into its log. Whoever takes events has to answer with a status from 200 to 299.",
        _OPERATOR, "RFC 9110 section 15"),
    "http.redirected": Advice(
        _E, "The web server answered with a redirection, which is not followed.",
        "If you trust the place that it leads to, use the URL of that place.", _YOU,
        "RFC 9110 section 15.4"),
    "http.timeout": Advice(
        _E, "The web server did not answer in time, or did not finish its answer.",
        "As its operator, answer first and do the work afterwards; look for a proxy that waits.",
        _OPERATOR),
    "http.closed": Advice(
        _E, "The web server closed the connection without an answer.",
        "Look into its log, and into that of the proxy in front of it.", _OPERATOR),
    "http.malformed": Advice(
        _E, "What the server sent is not an HTTP response that can be used.",
        "Check host and port: something other than a web server may listen there.", _YOU,
        "RFC 9112"),
    "http.too_large": Advice(
        _E, "The response is larger than what is read of one.",
        "As its operator, answer with less.", _OPERATOR),
    "http.proxy_refused": Advice(
        _E, "The HTTP proxy refused to connect to the web server.",
        "Check the proxy's user and password, and whether it allows this host and port.", _YOU,
        "RFC 9110 section 9.3.6"),
}  # fmt: skip
