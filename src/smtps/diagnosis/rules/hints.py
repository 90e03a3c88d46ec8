"""What is true of a provider, where that is a better remedy than the general one."""

from __future__ import annotations

from smtps.diagnosis.facts import Facts
from smtps.net.names import literal
from smtps.providers import Provider, by_host

_ABOUT_THE_PORT = (
    "net.refused",
    "net.timeout",
    "tls.plaintext_on_tls_port",
    "tls.implicit_tls_port",
    "tls.timeout",
    "smtp.greeting_timeout",
)
_ABOUT_THE_LOGIN = (
    "auth.rejected",
    "auth.app_password_needed",
    "auth.no_common_mechanism",
    "auth.disabled_by_admin",
    "auth.passwords_retired",
    "auth.token_rejected",
)
_WAYS = {"implicit": "implicit TLS", "starttls": "STARTTLS"}


def hint(facts: Facts, code: str) -> str | None:
    """A provider's own remedy, or None if nothing is known."""
    if code not in _ABOUT_THE_PORT and code not in _ABOUT_THE_LOGIN:
        return None
    if literal(facts.host) is not None:  # 127.0.0.1 can be anybody's
        return None
    if (provider := by_host(facts.host)) is None:
        return None
    if code in _ABOUT_THE_LOGIN:
        return f"{provider.name} wants this login: {provider.login}"
    return _place(facts, provider)


def _place(facts: Facts, provider: Provider) -> str | None:
    listed = {(provider.port, provider.security)}
    listed |= {(place.port, place.security) for place in provider.alternatives}
    if (facts.port, facts.security) in listed:
        return None
    return (
        f"{provider.name} takes mail at {provider.host} port {provider.port} with "
        f"{_WAYS[provider.security]}."
    )
