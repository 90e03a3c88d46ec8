"""Reports made up: any that the types allow, with hostile text wherever a server has a say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from tests.net.test_serverhello import hello, record

from smtps.advice import ADVICE
from smtps.checks.facts import AddressFacts, Asked, Certificate, Facts
from smtps.checks.probes import DEEP_LOOKS, LOOKS, Probe
from smtps.checks.report import Report
from smtps.checks.token_facts import TokenFacts
from smtps.client.transcript import Transcript
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Quirk, Reply
from smtps.errors import Failure, Phase
from smtps.net.tls import TLSFacts
from smtps.oauth.claims import Claims
from smtps.oauth.forms import all_forms
from smtps.oauth.provenance import Provenance

X25519 = record(hello((51, b"\0\x1d")))
"""The beginning of a server that chose this group."""

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

HOSTILE = (
    "<script>alert(1)</script>",
    "\" onload='alert(1)' <!-- ]]> &amp; </style></title></pre>",
    "OK | time=0s;;; 'label'=1",
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "\tshifted",
    "name \u202emoc.elpmaxe\u2066 \u200f\u061c",
    "\x1b[2J\x07 bell \x00 nul \x85 \u2028 \ufffe",
    'quote" back\\slash\nnew line\r\n# TYPE x counter\n',
    "ünïcödé 漢字 🦆",
    "",
)
texts = st.sampled_from(HOSTILE) | st.text(max_size=20)
phases = st.sampled_from(["tcp", "tls", "greeting", "ehlo", "auth"])
moments = st.integers(0, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
ips = st.ip_addresses().map(str)
codes = st.sampled_from(sorted(ADVICE))

certificates = st.builds(
    Certificate,
    subject=texts,
    issuer=texts,
    names=st.lists(texts, max_size=8).map(tuple),
    not_before=moments,
    not_after=moments,
    fingerprint_sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    self_signed=st.booleans(),
    key=texts,
    signature=st.sampled_from(["sha256", "sha1"]) | texts,
    bits=st.integers(0, 8192),
    authority=st.booleans(),
    common_name_only=st.booleans(),
    strict_faults=st.lists(texts, max_size=2).map(tuple),
)
failures = st.builds(
    Failure,
    code=codes,
    message=texts,
    phase=st.none() | st.sampled_from(Phase),
    retryable=st.booleans(),
    seen=st.none() | texts,
)
replies = st.builds(
    Reply, st.integers(200, 599), st.lists(texts, min_size=1, max_size=4).map(tuple)
)


def transcript(lines: list[str]) -> Transcript:
    ticks = iter(range(1000))
    made = Transcript(clock=lambda: next(ticks) / 1000)
    for line in lines:
        made.add("<", line)
    return made


tls_facts = st.builds(
    TLSFacts,
    version=st.none() | st.sampled_from(["TLSv1.2", "TLSv1.3"]),
    cipher=st.none() | texts,
    first_bytes=st.sampled_from([b"", X25519, record(hello((51, b"??")))]),
    verified=st.booleans(),
    alpn=st.none() | texts,
    resumed=st.booleans(),
)
looks = st.builds(
    Probe,
    name=st.sampled_from([*LOOKS, *DEEP_LOOKS, "clear"]),
    tls=st.none() | tls_facts,
    greeting=st.none() | replies,
    failure=st.none() | failures,
)
_addresses = st.builds(
    AddressFacts,
    address=ips,
    timings=st.dictionaries(phases, st.floats(0, 1e6)),
    failure=st.none() | failures,
    tls=st.none() | tls_facts,
    chain=st.lists(certificates, max_size=3).map(tuple),
    greeting=st.none() | replies,
    capabilities=st.none() | replies.map(Capabilities.of),
    ehlo_name=st.none() | texts,
    ehlo_name_refused=st.booleans(),
    mechanism=st.none() | texts,
    login_failure=st.none() | failures,
    after_login=st.none() | replies.map(Capabilities.of),
    mechanisms=st.dictionaries(texts, st.none() | failures, max_size=3),
    asked=st.none()
    | st.builds(
        Asked,
        sender=texts,
        mail_reply=st.none() | replies,
        recipients=st.lists(st.tuples(texts, replies), max_size=2).map(tuple),
        size=st.none() | st.integers(0, 10**12),
    ),
    looks=st.lists(looks, max_size=4).map(lambda found: {look.name: look for look in found}),
    quirks=st.frozensets(st.sampled_from(Quirk)),
    transcript=st.none() | st.lists(texts, max_size=4).map(transcript),
)


some_texts = st.lists(texts, max_size=2).map(tuple)
instants = st.none() | st.floats(0, 4e9)
access_tokens = st.builds(
    TokenFacts,
    provenance=st.builds(
        Provenance,
        origin=st.sampled_from(["environment", "store", "renewed", "client_credentials"]),
        grant=st.none() | st.sampled_from(["code", "client_credentials"]),
        wanted=some_texts,
        granted=some_texts,
        expires_at=instants,
        renewable=st.none() | st.booleans(),
        logged_in_at=instants,
        refresh_expires_at=instants,
    ),
    claims=st.none()
    | st.builds(
        Claims,
        kind=st.sampled_from(["jwt", "encrypted", "opaque"]),
        unread=st.none() | texts,
        issuer=st.none() | texts,
        audience=some_texts,
        scopes=some_texts,
        roles=some_texts,
        issued_at=instants,
        not_before=instants,
        expires_at=instants,
        tenant=st.none() | texts,
        user=st.none() | texts,
        application=st.none() | texts,
        object_id=st.none() | texts,
        app_only=st.none() | st.booleans(),
        id_token=st.booleans(),
    ),
    mistaken=st.none() | texts,
    milliseconds=st.none() | st.floats(0, 1e6),
    provider=st.none() | st.sampled_from(all_forms()),
    username=st.none() | texts,
)


@st.composite
def a_token(draw: st.DrawFn) -> TokenFacts:
    """A name for it, too."""
    return draw(access_tokens)


@st.composite
def an_address(draw: st.DrawFn) -> AddressFacts:
    """A name for it: the strategy written out in full would be too long to show."""
    return draw(_addresses)


addresses = an_address()
facts: st.SearchStrategy[Facts] = st.builds(
    Facts,
    target=texts,
    host=st.sampled_from(["mail.example.com", "192.0.2.1"]),
    port=st.integers(1, 65535),
    security=st.sampled_from(["implicit", "starttls"]),
    now=moments,
    wanted_login=st.booleans(),
    token=st.booleans(),
    access_token=st.none() | a_token(),
    password_is_ascii=st.booleans(),
    deep=st.booleans(),
    control=st.sampled_from([None, "answers", "silent"]),
    failure=st.none() | failures,
    addresses=st.lists(addresses, max_size=3),
    timings=st.dictionaries(st.just("dns"), st.floats(0, 1e6)),
)
reports = facts.map(Report.of)


def a_report(change: Callable[[AddressFacts], Any] | None = None, **changed: Any) -> Report:
    """A healthy server, but for what is changed at its one address or in the facts."""
    address = AddressFacts(
        "192.0.2.1",
        timings={"tcp": 10.0, "tls": 20.0, "greeting": 5.0, "ehlo": 5.0},
        tls=TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, verified=True, first_bytes=X25519),
        chain=(
            Certificate(
                subject="CN=mail.example.com",
                issuer="CN=Some Authority",
                names=("mail.example.com",),
                not_before=NOW - timedelta(days=30),
                not_after=NOW + timedelta(days=60),
                fingerprint_sha256="ab" * 32,
                self_signed=False,
                key="EC P-256",
                signature="sha256",
            ),
        ),
        greeting=Reply(220, ("mail.example.com ESMTP",)),
        capabilities=Capabilities.of(
            Reply(
                250, ("mail.example.com hello", "PIPELINING", "SIZE 35882577", "AUTH PLAIN LOGIN")
            )
        ),
        ehlo_name="portofcall",
    )
    if change is not None:
        change(address)
    given = {"host": "mail.example.com", "port": 465, "security": "implicit", "now": NOW}
    given |= {"target": "mail.example.com", "timings": {"dns": 2.0}, "addresses": [address]}
    return Report.of(Facts(**{**given, **changed}))


def failing(
    code: str, phase: Phase, *, retryable: bool = False, smtp_code: int | None = None
) -> Callable[[AddressFacts], None]:
    """For ``a_report``: the dialogue ended there."""

    def change(address: AddressFacts) -> None:
        address.failure = Failure(
            code=code,
            message="It failed.",
            phase=phase,
            retryable=retryable,
            address="192.0.2.1",
            smtp_code=smtp_code,
        )

    return change
