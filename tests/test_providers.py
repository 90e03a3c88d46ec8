"""The provider data: the seed to the letter, and what is really true beside it."""

from __future__ import annotations

import pytest

from smtps.net.names import to_ascii
from smtps.providers import PORTS, Provider, all_providers, search

SEED = [
    ("Gmail", "smtp.gmail.com", 465),
    ("Outlook/365", "smtp.office365.com", 465),
    ("Yahoo", "smtp.mail.yahoo.com", 465),
    ("iCloud", "smtp.mail.me.com", 465),
    ("Fastmail", "smtp.fastmail.com", 465),
    ("ProtonMail Bridge", "127.0.0.1", 465),
]


def test_the_seed_s_table_stands_first_and_to_the_letter() -> None:
    first = all_providers()[: len(SEED)]
    assert [(p.name, *(p.seed or ())) for p in first] == SEED
    assert not any(provider.seed for provider in all_providers()[len(SEED) :])


@pytest.mark.parametrize(
    ("name", "port"), [("Outlook/365", 587), ("iCloud", 587), ("ProtonMail Bridge", 1025)]
)
def test_what_is_wrong_in_it_is_corrected_beside_it(name: str, port: int) -> None:
    (provider,) = search(name)
    assert (provider.port, provider.security) == (port, "starttls")
    assert provider.correction


def test_the_seed_s_table_of_ports() -> None:
    assert [tuple(port.as_json().values()) for port in PORTS] == [
        (25, "SMTP", "Optional STARTTLS", "Server-to-server relay"),
        (465, "SMTPS", "Implicit TLS", "Client submission (recommended by RFC 8314)"),
        (587, "Submission", "STARTTLS upgrade", "Client submission (RFC 6409)"),
        (2525, "Alt Submission", "Varies", "Alternative when 587 is blocked"),
    ]


def test_there_are_many_and_none_twice() -> None:
    found = all_providers()
    assert len(found) >= 40
    assert len({provider.id for provider in found}) == len(found)
    domains = [domain for provider in found for domain in provider.domains]
    assert len(set(domains)) == len(domains)


@pytest.mark.parametrize("provider", all_providers(), ids=lambda provider: provider.id)
def test_each_can_be_used(provider: Provider) -> None:
    for host, port, security in (
        (provider.host, provider.port, provider.security),
        *((place.host, place.port, place.security) for place in provider.alternatives),
    ):
        assert to_ascii(host) == host
        assert 1 <= port <= 65535
        assert security in ("implicit", "starttls")
    for text in (provider.login, provider.limits, provider.remark, provider.correction or ""):
        assert not text or ((text[0].isupper() or text[0].isdigit()) and text.endswith("."))
    assert provider.login
    assert provider.sources


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("gmail", "gmail"), ("GMAIL.COM", "gmail"), ("googlemail", "gmail"),
        ("smtp.office365.com", "microsoft-365"), ("outlook", "outlook-com"), ("web.de", "web-de"),
    ],
)  # fmt: skip
def test_search(text: str, first: str) -> None:
    assert first in [provider.id for provider in search(text)][:2]


def test_search_for_nothing_gives_all_and_for_nonsense_none() -> None:
    assert search("") == all_providers()
    assert search("no such provider") == ()


def test_the_keys_are_pinned() -> None:
    assert set(all_providers()[0].as_json()) == {
        "id", "name", "host", "port", "security", "domains", "alternatives", "login", "limits",
        "remark", "sources", "seed", "correction",
    }  # fmt: skip
