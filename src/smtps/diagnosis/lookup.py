"""Why a name leads nowhere: the system's resolver says no more than that it does not."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from smtps.errors import Failure
from smtps.net.dns import Resolver, Trace, askable
from smtps.providers import Provider, all_providers

CLOSE = 0.9
"""Likeness of two names from which on one may be the other, mistyped (1 is the same)."""

WORTH_ASKING = ("dns.name_not_found", "dns.no_address", "dns.lookup_failed", "dns.timeout")


async def why(failure: Failure, host: str, resolver: Resolver) -> Failure:
    """The failure of a look-up, with what DNS itself has to say."""
    if failure.code not in WORTH_ASKING or not askable(host):
        return failure
    return explained(failure, await resolver.trace(host))


def explained(failure: Failure, trace: Trace) -> Failure:
    """The same, from what was asked; pure."""
    if not trace.code:
        who = f" ({trace.resolver})" if trace.resolver else ""
        return replace(failure, message=f"No resolver{who} answered about {trace.name}.")
    aliases = " → ".join(trace.chain)
    if trace.goes_round:
        return _found(failure, "dns.alias_loop", f"{trace.name} leads round in circles: {aliases}.")
    if trace.dnssec:
        return _found(
            failure,
            "dns.dnssec_failed",
            f"{trace.name} has an answer, but its DNSSEC signatures do not verify, says "
            f"{trace.resolver}.",
            retryable=True,
        )
    if len(trace.chain) > 1 and trace.code in ("NXDOMAIN", "NOERROR"):
        what = "does not exist" if trace.code == "NXDOMAIN" else "has no address"
        target = trace.chain[-1]
        return _found(
            failure, "dns.alias_dangling", f"{trace.name} is an alias of {target}, which {what}."
        )
    return _BY_CODE.get(trace.code, _other)(failure, trace)


def _missing(failure: Failure, trace: Trace) -> Failure:
    zone = trace.zone
    message = f"The name {trace.name} does not exist in DNS."
    if zone and zone != trace.name and "." in zone:
        message = f"The domain {zone} exists, but {trace.name} does not."
    elif zone and "." not in zone:
        message = f"{trace.name} does not exist: nobody has registered its domain under .{zone}."
    meant = _meant(trace.name)
    if meant == trace.name:
        message += " It is the name of a provider's server all the same: try another resolver."
    elif meant is not None:
        message += f" Did you mean {meant}?"
    return _found(failure, "dns.name_not_found", message)


def _meant(name: str) -> str | None:
    """A provider's host that is almost the name."""
    hosts = {place for each in all_providers() for place in (each.host, *_other_hosts(each))}
    return next(iter(get_close_matches(name, sorted(hosts), 1, CLOSE)), None)


def _other_hosts(provider: Provider) -> tuple[str, ...]:
    return tuple(place.host for place in provider.alternatives)


def _empty(failure: Failure, trace: Trace) -> Failure:
    message = f"{trace.name} has no address."
    if trace.mail == ("",):
        message += " It says that it takes no mail either (null MX)."
    elif trace.mail:
        message += f" It is a mail domain, whose mail goes to {trace.mail[0]}."
    return _found(failure, "dns.no_address", message)


def _failing(failure: Failure, trace: Trace) -> Failure:
    return _found(
        failure,
        "dns.server_failed",
        f"The resolver {trace.resolver} got no usable answer from the name servers of "
        f"{trace.name} (SERVFAIL).",
        retryable=True,
    )


def _other(failure: Failure, trace: Trace) -> Failure:
    return _found(
        failure,
        "dns.lookup_failed",
        f"The resolver {trace.resolver} refuses to look up {trace.name} ({trace.code}).",
        retryable=True,
    )


_BY_CODE = {"NXDOMAIN": _missing, "NOERROR": _empty, "SERVFAIL": _failing}


def _found(failure: Failure, code: str, message: str, *, retryable: bool = False) -> Failure:
    return replace(failure, code=code, message=message, retryable=retryable)
