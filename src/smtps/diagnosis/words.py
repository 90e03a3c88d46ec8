"""A word on each capability, for people."""

from __future__ import annotations

from smtps.core.capabilities import Capabilities

_WORDS: dict[str, str] = {
    "8BITMIME": "takes text beyond ASCII unencoded",
    "ATRN": "hands over waiting mail",
    "BINARYMIME": "takes binary attachments unencoded",
    "BURL": "can fetch the message from an IMAP server",
    "CHUNKING": "takes messages in chunks (BDAT), faster for big ones",
    "DELIVERBY": "can be told to deliver by a given time",
    "DSN": "can report whether the mail was delivered",
    "ENHANCEDSTATUSCODES": "adds a precise code to each answer",
    "ETRN": "can be asked to send waiting mail",
    "EXPN": "lists the members of mailing lists",
    "FUTURERELEASE": "can hold a message until a given time",
    "HELP": "has a help text",
    "LIMITS": "says how much it takes in one session",
    "MT-PRIORITY": "can be told how urgent a message is",
    "PIPELINING": "takes several commands at once, so sending is faster",
    "REQUIRETLS": "can promise TLS on the whole way",
    "RRVS": "can check that a mailbox has not changed hands",
    "SMTPUTF8": "takes addresses in any script",
    "STARTTLS": "can switch to TLS",
    "VRFY": "says whether a mailbox exists",
    "XCLIENT": "trusts some clients to speak for others",
}


def explain(keyword: str, capabilities: Capabilities) -> str:
    """What a capability means, in a few words; empty for one that nobody has described."""
    if keyword == "SIZE":
        size = capabilities.size
        return (
            "takes messages of any size" if size is None else f"takes messages up to {_size(size)}"
        )
    if keyword == "AUTH":
        return (
            "the logins that it takes" if capabilities.auth else "takes logins, but names no kind"
        )
    return _WORDS.get(keyword, "")


def _size(octets: int) -> str:
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= power:
            return f"{octets / power:.1f}".removesuffix(".0") + f" {unit}"
    return f"{octets} octets"
