"""smtps: tell whether mail submission over TLS works, why not, and send mail through it.

Names are loaded when first used, so that ``smtps --help`` need not load what it does not show.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smtps._version import __version__

if TYPE_CHECKING:
    from smtps import sync as sync
    from smtps.checks.checking import check as check
    from smtps.checks.report import Report as Report
    from smtps.checks.verdict import Verdict as Verdict
    from smtps.client.outgoing import DSN as DSN
    from smtps.client.outgoing import Envelope as Envelope
    from smtps.client.outgoing import prepare as prepare
    from smtps.client.pool import Pool as Pool
    from smtps.client.result import Outcome as Outcome
    from smtps.client.result import Recipient as Recipient
    from smtps.client.result import Result as Result
    from smtps.client.result import SendError as SendError
    from smtps.client.result import Status as Status
    from smtps.client.session import Session as Session
    from smtps.client.session import connect as connect
    from smtps.client.session import send as send
    from smtps.config.user_accounts import account as account
    from smtps.credentials import TokenSource as TokenSource
    from smtps.endpoint import Endpoint as Endpoint
    from smtps.endpoint import Timeouts as Timeouts
    from smtps.errors import CapabilityError as CapabilityError
    from smtps.errors import CertificateError as CertificateError
    from smtps.errors import Failure as Failure
    from smtps.errors import ForbiddenError as ForbiddenError
    from smtps.errors import InputError as InputError
    from smtps.errors import LocalError as LocalError
    from smtps.errors import LoginError as LoginError
    from smtps.errors import NetworkError as NetworkError
    from smtps.errors import Phase as Phase
    from smtps.errors import PhaseTimeoutError as PhaseTimeoutError
    from smtps.errors import ProtocolError as ProtocolError
    from smtps.errors import RefusedError as RefusedError
    from smtps.errors import RemoteError as RemoteError
    from smtps.errors import SessionError as SessionError
    from smtps.errors import SMTPSError as SMTPSError
    from smtps.errors import TLSError as TLSError
    from smtps.errors import TokenError as TokenError
    from smtps.explanations.explaining import explain as explain
    from smtps.explanations.explanation import Explanation as Explanation
    from smtps.message.addresses import NameAddr as NameAddr
    from smtps.message.message import Attachment as Attachment
    from smtps.message.message import Message as Message
    from smtps.message.template import Template as Template
    from smtps.sandbox.server import Sandbox as Sandbox

_HOME = {
    "Attachment": "smtps.message.message",
    "CapabilityError": "smtps.errors",
    "CertificateError": "smtps.errors",
    "DSN": "smtps.client.outgoing",
    "Endpoint": "smtps.endpoint",
    "Envelope": "smtps.client.outgoing",
    "Explanation": "smtps.explanations.explanation",
    "Failure": "smtps.errors",
    "ForbiddenError": "smtps.errors",
    "InputError": "smtps.errors",
    "LocalError": "smtps.errors",
    "LoginError": "smtps.errors",
    "Message": "smtps.message.message",
    "NameAddr": "smtps.message.addresses",
    "NetworkError": "smtps.errors",
    "Outcome": "smtps.client.result",
    "Phase": "smtps.errors",
    "PhaseTimeoutError": "smtps.errors",
    "Pool": "smtps.client.pool",
    "ProtocolError": "smtps.errors",
    "Recipient": "smtps.client.result",
    "RefusedError": "smtps.errors",
    "RemoteError": "smtps.errors",
    "Report": "smtps.checks.report",
    "Result": "smtps.client.result",
    "SMTPSError": "smtps.errors",
    "Sandbox": "smtps.sandbox.server",
    "SendError": "smtps.client.result",
    "Session": "smtps.client.session",
    "SessionError": "smtps.errors",
    "Status": "smtps.client.result",
    "TLSError": "smtps.errors",
    "Template": "smtps.message.template",
    "Timeouts": "smtps.endpoint",
    "TokenError": "smtps.errors",
    "TokenSource": "smtps.credentials",
    "Verdict": "smtps.checks.verdict",
    "account": "smtps.config.user_accounts",
    "check": "smtps.checks.checking",
    "connect": "smtps.client.session",
    "explain": "smtps.explanations.explaining",
    "prepare": "smtps.client.outgoing",
    "send": "smtps.client.session",
}
"""Where each public name lives."""

__all__ = [*sorted([*_HOME, "sync"]), "__version__"]  # noqa: PLE0604


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    from smtps.extras import extra_needed  # noqa: PLC0415  # nothing is loaded before it is asked for

    if name == "sync":
        return import_module("smtps.sync")
    if name not in _HOME:
        raise AttributeError(f"module 'smtps' has no attribute {name!r}")
    if name in ("Report", "check"):
        import_module("smtps.report.printed")
    with extra_needed():
        found = globals()[name] = getattr(import_module(_HOME[name]), name)
    return found
