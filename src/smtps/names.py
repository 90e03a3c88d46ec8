"""How a thing is called where a message about it is read: one table for all places.

Messages of the lower floors use the names of fields, which are those of Python, of requests and of
settings; advice uses the options of the shell. Each face writes them as its readers do.
"""

from __future__ import annotations

import re

FLAGS = {
    "allow_unverified_login": "--allow-unverified-login",
    "ca_file": "--ca-file",
    "client_certificate": "--client-cert",
    "ehlo_name": "--ehlo-name",
    "keep_bcc": "--keep-bcc",
    "reply_to": "--reply-to",
    "require_tls": "--require-tls",
}
"""Field → option, where a word of a message can only be the field."""

_VALUES = {
    "--starttls": '"security": "starttls"',
    "--no-verify": '"verify": false',
    "--allow-unverified-login": '"allow_unverified_login": true',
    "--keep-bcc": '"keep_bcc": true',
}
"""Option without a value → what a request says."""

_NAMES = {
    "--ca-file": "ca_file",
    "--client-cert": "client_certificate",
    "--ehlo-name": "ehlo_name",
    "--fingerprint": "fingerprint",
    "--mechanism": "mechanism",
    "--security": "security",
    "--timeout": "timeout",
}
"""Option with a value → field."""

_FIELD = re.compile(rf"(?<![\w.\-])(?:{'|'.join(FLAGS)})(?![\w=])")
_OPTION = re.compile(
    rf"(?<![\w\-])(?P<alone>{'|'.join(_VALUES)})(?![\w\-])"
    rf"|(?<![\w\-])(?P<name>{'|'.join(_NAMES)})(?![\w\-])"
    r"(?: (?P<value>[A-Z][A-Z0-9\-]+|implicit|starttls)(?!\w))?"
)


def for_the_shell(text: str) -> str:
    """A message with options in place of fields."""
    return _FIELD.sub(lambda found: FLAGS[found[0]], text)


def for_requests(text: str) -> str:
    """A message with the fields of requests and settings in place of options."""
    return _OPTION.sub(_field, text)


def _field(found: re.Match[str]) -> str:
    if found["alone"]:
        return _VALUES[found["alone"]]
    name = _NAMES[found["name"]]
    return f'"{name}": "{found["value"]}"' if found["value"] else name
