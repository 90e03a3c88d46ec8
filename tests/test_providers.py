"""The table of providers: whole, well-formed, and true to the seed."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from smtps.endpoint import Security
from smtps.net.hostnames import literal, to_ascii
from smtps.providers import (
    PORTS,
    Place,
    Provider,
    all_providers,
    by_domain,
    by_exchanger,
    by_host,
    by_id,
    search,
)

SEED = (
    ("Gmail", "smtp.gmail.com", 465),
    ("Outlook/365", "smtp.office365.com", 465),
    ("Yahoo", "smtp.mail.yahoo.com", 465),
    ("iCloud", "smtp.mail.me.com", 465),
    ("Fastmail", "smtp.fastmail.com", 465),
    ("ProtonMail Bridge", "127.0.0.1", 465),
)
"""Well-Known SMTPS Servers, as the seed has them."""

KEYS = [
    "id", "name", "domains", "host", "port", "security", "alternatives", "login", "limits",
    "remark", "correction", "seed", "sources",
]  # fmt: skip

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")

every_provider = pytest.mark.parametrize(
    "provider", all_providers(), ids=[provider.id for provider in all_providers()]
)


def ids(found: tuple[Provider, ...]) -> list[str]:
    return [provider.id for provider in found]


def places(provider: Provider) -> tuple[Place, ...]:
    return Place(provider.host, provider.port, provider.security), *provider.alternatives


# The seed


def test_the_seed_s_six_come_first_with_its_hosts_and_ports() -> None:
    found = [(p.name, p.seed.host, p.seed.port) for p in all_providers() if p.seed]
    assert found == [*SEED]
    assert [p.name for p in all_providers()[:6]] == [name for name, *_ in SEED]


@pytest.mark.parametrize(
    ("name", "place", "words"),
    [
        ("microsoft-365", Place("smtp.office365.com", 587, "starttls"), ("465", "587", "OAuth")),
        ("icloud", Place("smtp.mail.me.com", 587, "starttls"), ("587", "STARTTLS", "465")),
        ("proton-bridge", Place("127.0.0.1", 1025, "starttls"), ("1025", "STARTTLS", "itself")),
    ],
)
def test_where_the_seed_is_wrong_the_correction_stands_beside_it(
    name: str, place: Place, words: tuple[str, ...]
) -> None:
    provider = search(name)[0]
    assert places(provider)[0] == place
    assert provider.correction
    assert [word for word in words if word not in provider.correction] == []
    assert all(other.port != 465 for other in places(provider))


def test_what_is_not_the_seed_s_or_right_is_not_corrected() -> None:
    corrected = [provider.id for provider in all_providers() if provider.correction]
    assert corrected == ["microsoft-365", "icloud", "proton-bridge"]
    for provider in all_providers():
        if provider.seed and not provider.correction:
            seed = Place(provider.seed.host, provider.seed.port, "implicit")
            assert places(provider)[0] == seed


def test_the_seed_s_table_of_ports() -> None:
    assert [port.as_json() for port in PORTS] == [
        {
            "port": 25,
            "name": "SMTP",
            "tls": "Optional STARTTLS",
            "usage": "Server-to-server relay",
        },
        {
            "port": 465,
            "name": "SMTPS",
            "tls": "Implicit TLS",
            "usage": "Client submission (recommended by RFC 8314)",
        },
        {
            "port": 587,
            "name": "Submission",
            "tls": "STARTTLS upgrade",
            "usage": "Client submission (RFC 6409)",
        },
        {
            "port": 2525,
            "name": "Alt Submission",
            "tls": "Varies",
            "usage": "Alternative when 587 is blocked",
        },
    ]


# The table


def test_there_are_forty_and_more() -> None:
    assert len(all_providers()) >= 40


def test_the_file_is_read_when_it_is_wanted_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    loads = tomllib.loads

    def remember(text: str) -> dict[str, Any]:
        read.append(text)
        return loads(text)

    monkeypatch.setattr("tomllib.loads", remember)
    all_providers.cache_clear()
    assert len(read) == 0
    assert by_host("smtp.gmail.com") is search("gmail")[0]
    assert len(read) == 1


def test_ids_and_names_are_unique() -> None:
    for names in (ids(all_providers()), [p.name.casefold() for p in all_providers()]):
        assert len(names) == len(set(names))
    assert [name for name in ids(all_providers()) if not re.fullmatch(r"[a-z0-9-]+", name)] == []


def test_no_domain_twice() -> None:
    domains = [domain for provider in all_providers() for domain in provider.domains]
    assert sorted(domains) == sorted(set(domains))


def test_no_place_belongs_to_two() -> None:
    first = [places(provider)[0] for provider in all_providers()]
    assert len(first) == len(set(first))


@every_provider
def test_places_can_be_connected_to(provider: Provider) -> None:
    for place in places(provider):
        assert to_ascii(place.host) == place.host
        assert NAME.fullmatch(place.host) or literal(place.host) is not None
        assert type(place.port) is int
        assert 1 <= place.port <= 65535
        assert place.security in {"implicit", "starttls"}
    assert len(places(provider)) == len(set(places(provider)))


@every_provider
def test_port_465_is_implicit_everywhere(provider: Provider) -> None:
    assert {p.security for p in places(provider) if p.port == 465} <= {"implicit"}


@every_provider
def test_domains_are_names(provider: Provider) -> None:
    assert [domain for domain in provider.domains if not NAME.fullmatch(domain)] == []


@every_provider
def test_every_row_says_how_to_log_in_and_who_says_so(provider: Provider) -> None:
    assert provider.login
    assert provider.sources
    assert all(source.strip() == source != "" for source in provider.sources)


@every_provider
def test_prose_is_sentences(provider: Provider) -> None:
    for text in (provider.login, provider.limits, provider.remark, provider.correction):
        if text is not None:
            assert re.fullmatch(r"[A-Z][^\n]*[^\s.]\.", text), text
            assert "  " not in text
            assert re.findall(r"\. [^A-Z]", text) == []
    assert provider.login.count(". ") == 0, "the login is one sentence"


@every_provider
def test_hearsay_names_its_source(provider: Provider) -> None:
    prose = " ".join(filter(None, (provider.login, provider.limits, provider.remark)))
    sources = " ".join(provider.sources)
    for mark in ("secondary page", "issue report"):
        if mark in prose:
            assert mark in sources


def test_a_row_with_a_key_that_is_unknown_or_missing_is_an_error() -> None:
    row: dict[str, Any] = {
        "id": "x", "name": "X", "domains": [], "host": "x.example", "port": 465,
        "security": "implicit", "login": "A password.", "sources": ["us"],
    }  # fmt: skip
    assert Provider.of(row).alternatives == ()
    with pytest.raises(TypeError, match="logon"):
        Provider.of(row | {"logon": "A password."})
    with pytest.raises(TypeError, match="sources"):
        Provider.of({key: row[key] for key in row if key != "sources"})


def test_nobody_can_change_what_others_read() -> None:
    provider = all_providers()[0]
    with pytest.raises(FrozenInstanceError):
        provider.port = 25  # type: ignore[misc]
    provider.as_json()["domains"].append("example.com")
    assert "example.com" not in provider.domains


# Particular rows


def test_the_port_does_not_tell_the_mode() -> None:
    spectrum = by_host("mobile.charter.net")
    assert spectrum
    assert (spectrum.port, spectrum.security) == (587, "implicit")


def test_nobody_is_sent_to_a_port_without_tls() -> None:
    rediff = by_domain("rediffmail.com")
    assert rediff
    assert [place.port for place in places(rediff)] == [465, 586]


@pytest.mark.parametrize("name", ["microsoft-365", "outlook-com", "tim-it", "ziggo", "proximus"])
def test_who_has_no_465_is_not_said_to(name: str) -> None:
    assert {place.port for place in places(search(name)[0])} <= {25, 587}


@pytest.mark.parametrize(
    ("name", "security", "port", "expected"),
    [
        ("gmail", None, 0, (465, "implicit")),
        ("gmail", "starttls", 0, (587, "starttls")),
        ("gmail", None, 587, (587, "starttls")),
        ("gmail", None, 2525, (2525, "starttls")),
        ("gmail", "starttls", 2525, (2525, "starttls")),
        ("microsoft-365", None, 0, (587, "starttls")),
        ("163", "starttls", 0, (587, "starttls")),
    ],
)
def test_the_place_is_the_one_that_is_asked_for(
    name: str, security: Security | None, port: int, expected: tuple[int, str]
) -> None:
    provider = by_id(name)
    assert provider is not None
    place = provider.place(security, port)
    assert (place.port, place.security) == expected


# Searching


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("gmail", "gmail"),
        ("GMail", "gmail"),
        ("  gmail  ", "gmail"),
        ("googlemail.com", "gmail"),
        ("Ann@GoogleMail.com", "gmail"),
        ("smtp.gmail.com", "gmail"),
        ("outlook/365", "microsoft-365"),
        ("office365", "microsoft-365"),
        ("microsoft 365", "microsoft-365"),
        ("hotmail.co.uk", "outlook-com"),
        ("smtp.office365.com", "microsoft-365"),
        ("mail.com", "mail-com"),
        ("gmx.com", "gmx-com"),
        ("mail.gmx.net", "gmx-net"),
        ("zoho europe", "zoho-eu"),
        ("smtppro.zoho.in", "zoho-in"),
        ("me.com", "icloud"),
        ("post.com", "mail-com"),
        ("163", "163"),
        ("127.0.0.1", "proton-bridge"),
        ("proton.me", "proton-bridge"),
        ("amazonaws", "amazon-ses"),
    ],
)
def test_search_finds_it_first(text: str, first: str) -> None:
    assert ids(search(text))[0] == first


def test_search_finds_parts_in_the_order_of_the_table() -> None:
    assert ids(search("outlook")) == ["microsoft-365", "outlook-com"]
    assert ids(search("zoho")) == ["zoho", "zoho-eu", "zoho-in", "zoho-au", "zoho-jp"]


def test_an_exact_match_goes_before_the_order_of_the_table() -> None:
    everybody = ids(all_providers())
    assert everybody.index("mail-com") > everybody.index("gmail")
    found = ids(search("mail.com"))
    assert found[0] == "mail-com"
    assert "gmail" in found[1:]


@pytest.mark.parametrize("text", ["", "   "])
def test_empty_text_finds_all(text: str) -> None:
    assert search(text) == all_providers()


@pytest.mark.parametrize(
    "text", ["nobody.example", "gmail zoho", "gmail.com\nyahoo.com", "%", ".*"]
)
def test_search_finds_nothing_else(text: str) -> None:
    assert search(text) == ()


# By host, by domain


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("smtp.gmail.com", "gmail"),
        ("SMTP.Gmail.com.", "gmail"),
        ("smtp.office365.com", "microsoft-365"),
        ("smtp-mail.outlook.com", "outlook-com"),
        ("outbound.att.net", "att"),
        ("smtp.yandex.ru", "yandex"),
        ("127.0.0.1", "proton-bridge"),
        ("gmail.com", None),
        ("xsmtp.gmail.com", None),
        ("", None),
    ],
)
def test_by_host(host: str, found: str | None) -> None:
    provider = by_host(host)
    assert (provider and provider.id) == found


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("gmail.com", "gmail"),
        ("GMX.de.", "gmx-net"),
        ("gmx.com", "gmx-com"),
        ("ya.ru", "yandex"),
        ("verizon.net", "aol"),
        ("mail.gmail.com", None),
        ("smtp.gmail.com", None),
        ("com", None),
        ("", None),
    ],
)
def test_by_domain(domain: str, found: str | None) -> None:
    provider = by_domain(domain)
    assert (provider and provider.id) == found


def test_every_host_and_domain_leads_back_to_its_provider() -> None:
    for provider in all_providers():
        assert by_host(provider.host) is provider
        assert all(by_domain(domain) is provider for domain in provider.domains)
        assert all(by_host(host) for host in provider.hosts)


# JSON


@every_provider
def test_json_has_the_same_keys_for_everybody(provider: Provider) -> None:
    document = json.loads(json.dumps(provider.as_json()))
    assert [*document] == KEYS
    assert document == provider.as_json()
    for place in document["alternatives"]:
        assert [*place] == ["host", "port", "security"]
    if provider.seed:
        assert [*document["seed"]] == ["host", "port"]
    else:
        assert document["seed"] is None


def test_json_of_one() -> None:
    bridge = search("proton-bridge")[0].as_json()
    assert bridge["seed"] == {"host": "127.0.0.1", "port": 465}
    assert (bridge["host"], bridge["port"], bridge["security"]) == ("127.0.0.1", 1025, "starttls")
    gmail = search("gmail")[0].as_json()
    assert gmail["alternatives"] == [
        {"host": "smtp.gmail.com", "port": 587, "security": "starttls"}
    ]
    assert gmail["correction"] is None


@every_provider
def test_by_id(provider: Provider) -> None:
    assert by_id(provider.id.upper()) == provider
    assert "." not in provider.id, "or it might be a host"


@pytest.mark.parametrize(
    ("host", "name"),
    [("aspmx.l.google.com", "gmail"), ("x-test.mail.protection.outlook.com", "microsoft-365"),
     ("in1-smtp.messagingengine.com", "fastmail"), ("MX.ZOHO.EU.", "zoho-eu"),
     ("notgoogle.com", None), ("mx.example.com", None)],
)  # fmt: skip
def test_by_exchanger(host: str, name: str | None) -> None:
    found = by_exchanger(host)
    assert (found and found.id) == name
