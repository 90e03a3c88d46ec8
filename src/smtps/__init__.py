"""smtps: tell whether mail submission over TLS works, why not, and send mail through it.

Names are loaded when first used, so that ``smtps --help`` need not load what it does not show.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smtps._version import __version__

if TYPE_CHECKING:
    from smtps import sync as sync
    from smtps.client.envelope import DSN, Envelope
    from smtps.client.result import Outcome, Recipient, Result, SendError, Status
    from smtps.client.sending import send
    from smtps.client.session import Session, connect
    from smtps.diagnosis.checking import check
    from smtps.diagnosis.report import Report, Verdict
    from smtps.errors import (
        CapabilityError,
        CertificateError,
        Failure,
        ForbiddenError,
        InputError,
        LocalError,
        LoginError,
        NetworkError,
        Phase,
        PhaseTimeoutError,
        ProtocolError,
        RefusedError,
        RemoteError,
        SessionError,
        SMTPSError,
        TLSError,
    )
    from smtps.message import Attachment, Message, NameAddr
    from smtps.options import Endpoint, Timeouts
    from smtps.sandbox.server import Sandbox

_HOME = {
    "Attachment": "smtps.message",
    "CapabilityError": "smtps.errors",
    "CertificateError": "smtps.errors",
    "DSN": "smtps.client.envelope",
    "Endpoint": "smtps.options",
    "Envelope": "smtps.client.envelope",
    "Failure": "smtps.errors",
    "ForbiddenError": "smtps.errors",
    "InputError": "smtps.errors",
    "LocalError": "smtps.errors",
    "LoginError": "smtps.errors",
    "Message": "smtps.message",
    "NameAddr": "smtps.message",
    "NetworkError": "smtps.errors",
    "Outcome": "smtps.client.result",
    "Phase": "smtps.errors",
    "PhaseTimeoutError": "smtps.errors",
    "ProtocolError": "smtps.errors",
    "Recipient": "smtps.client.result",
    "RefusedError": "smtps.errors",
    "RemoteError": "smtps.errors",
    "Report": "smtps.diagnosis.report",
    "Result": "smtps.client.result",
    "SMTPSError": "smtps.errors",
    "Sandbox": "smtps.sandbox.server",
    "SendError": "smtps.client.result",
    "Session": "smtps.client.session",
    "SessionError": "smtps.errors",
    "Status": "smtps.client.result",
    "TLSError": "smtps.errors",
    "Timeouts": "smtps.options",
    "Verdict": "smtps.diagnosis.report",
    "check": "smtps.diagnosis.checking",
    "connect": "smtps.client.session",
    "send": "smtps.client.sending",
}
"""Where each public name lives."""

__all__ = [*sorted([*_HOME, "sync"]), "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name == "sync":
        return import_module("smtps.sync")
    if name not in _HOME:
        raise AttributeError(f"module 'smtps' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
