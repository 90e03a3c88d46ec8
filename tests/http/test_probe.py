"""``GET /probe``: what a Prometheus that scrapes it sees, and what it cannot be made to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from smtps.config import callers
from smtps.config.settings import Settings, load
from smtps.errors import InputError
from smtps.http.app import create_app
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.server import USERNAME
from smtps.target import Target

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with Gallery() as running:
        yield running


def service(gallery: Gallery | None, **settings: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(Settings(**settings), gallery))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@pytest.fixture
async def client(gallery: Gallery) -> AsyncIterator[httpx.AsyncClient]:
    async with service(gallery) as session:
        yield session


def target(gallery: Gallery, persona: str = "healthy") -> str:
    box = gallery.boxes[persona]
    return f"{box.host}:{box.port}"


def read(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def labels(samples: Samples, name: str) -> list[dict[str, str]]:
    return [dict(each) for found, each in samples if found == name]


def value(samples: Samples, name: str, **wanted: str) -> float:
    return samples[name, frozenset(wanted.items())]


async def probe(client: httpx.AsyncClient, target: str, **more: Any) -> Samples:
    headers = more.pop("headers", {})
    answer = await client.get("/probe", params={"target": target, **more}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return read(answer.text)


async def test_a_server_that_is_well(client: httpx.AsyncClient, gallery: Gallery) -> None:
    samples = await probe(client, target(gallery))
    assert value(samples, "probe_success") == 1
    assert 0 < value(samples, "probe_duration_seconds") < 10
    assert 0 <= value(samples, "probe_dns_lookup_time_seconds") < 1
    assert value(samples, "probe_ip_protocol") == 4
    assert value(samples, "probe_tls_version_info", version="TLSv1.3") == 1
    phases = {each["phase"] for each in labels(samples, "smtps_probe_phase_seconds")}
    assert phases == {"dns", "tcp", "tls", "greeting", "ehlo"}
    assert value(samples, "smtps_probe_verdict", verdict="works") == 1
    assert value(samples, "smtps_probe_verdict", verdict="fails") == 0
    assert labels(samples, "smtps_probe_finding") == []
    assert value(samples, "smtps_probe_grade_points") == 100


async def test_a_server_that_fails_is_an_answer_all_the_same(
    client: httpx.AsyncClient, gallery: Gallery
) -> None:
    samples = await probe(client, target(gallery, "expired"))
    assert value(samples, "probe_success") == 0
    finding = {"code": "tls.certificate_expired", "severity": "error"}
    assert finding in labels(samples, "smtps_probe_finding")
    box = gallery.boxes["expired"]
    report = (await client.get(f"/smtps/{box.host}:{box.port}?format=json")).json()
    ends = report["certificate"]["not_after"]
    expiry = value(samples, "probe_ssl_earliest_cert_expiry")
    assert datetime.fromisoformat(ends).timestamp() == expiry


async def test_nothing_listens(client: httpx.AsyncClient) -> None:
    samples = await probe(client, "127.0.0.1:1")
    assert value(samples, "probe_success") == 0
    assert labels(samples, "smtps_probe_finding") == [{"code": "net.refused", "severity": "error"}]
    assert labels(samples, "probe_ssl_earliest_cert_expiry") == []


async def test_a_name_that_does_not_resolve(client: httpx.AsyncClient) -> None:
    samples = await probe(client, "nosuch.invalid")
    assert value(samples, "probe_success") == 0
    assert labels(samples, "probe_ip_protocol") == []


async def test_the_answer_comes_before_the_scrape_is_given_up(
    client: httpx.AsyncClient, gallery: Gallery
) -> None:
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": "0.6"}
    samples = await probe(client, target(gallery, "late-greeting"), headers=headers)
    assert value(samples, "probe_success") == 0
    assert value(samples, "probe_duration_seconds") < 4
    codes = {each["code"] for each in labels(samples, "smtps_probe_finding")}
    assert codes & {"smtp.greeting_timeout", "tls.timeout"}


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
async def test_a_timeout_that_is_none(client: httpx.AsyncClient, seconds: str) -> None:
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": seconds}
    answer = await client.get("/probe", params={"target": "127.0.0.1:1"}, headers=headers)
    assert answer.status_code == 400


async def test_debug_tells_the_whole_story(client: httpx.AsyncClient, gallery: Gallery) -> None:
    answer = await client.get("/probe", params={"target": target(gallery), "debug": "true"})
    assert answer.status_code == 200
    assert "Transcript" in answer.text
    assert "> EHLO portofcall" in answer.text
    assert "\nprobe_success 1.0\n" in answer.text


@pytest.mark.parametrize(
    ("query", "field", "problem"),
    [
        ({}, "target", "is required"),
        ({"target": ""}, "host", "is required"),
        ({"target": "x:0"}, "port", "between 1 and 65535"),
        ({"target": "a b"}, "host", "not a host name"),
        ({"target": "x", "module": "nope"}, "module", "one of submission, submissions"),
    ],
)
async def test_what_cannot_be_probed_is_a_problem(
    client: httpx.AsyncClient, query: dict[str, str], field: str, problem: str
) -> None:
    answer = await client.get("/probe", params=query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert problem in answer.json()["errors"][0]["problem"]


async def test_the_second_module_starts_in_the_clear(client: httpx.AsyncClient) -> None:
    samples = await probe(client, "127.0.0.1:1", module="submission")
    assert value(samples, "probe_success") == 0
    answer = await client.get(
        "/probe", params={"target": "127.0.0.1", "module": "submission", "debug": "1"}
    )
    assert "(port 587, STARTTLS" in answer.text


def login(gallery: Gallery, tmp_path: Path, password: str, **more: Any) -> dict[str, Any]:
    (tmp_path / "password").write_text(f"{password}\nsecond line\n")
    module = {
        "username": USERNAME,
        "password_file": str(tmp_path / "password"),
        "targets": ["127.0.0.1"],
        "port": gallery.boxes["healthy"].port,
        **more,
    }
    return {"probe": {"login": module}}


async def test_a_module_can_log_in(gallery: Gallery, tmp_path: Path) -> None:
    password = gallery.boxes["healthy"].password
    async with service(gallery, **login(gallery, tmp_path, password)) as client:
        samples = await probe(client, "127.0.0.1", module="login")
        assert value(samples, "probe_success") == 1
        assert value(samples, "smtps_probe_phase_seconds", phase="auth") > 0
        answer = await client.get(
            "/probe", params={"target": "127.0.0.1", "module": "login", "debug": "1"}
        )
        assert "AUTH SCRAM-SHA-256 <hidden>" in answer.text
        assert password not in answer.text


async def test_a_wrong_password_is_a_finding(gallery: Gallery, tmp_path: Path) -> None:
    async with service(gallery, **login(gallery, tmp_path, "wrong")) as client:
        samples = await probe(client, "127.0.0.1", module="login")
        assert value(samples, "probe_success") == 0
        codes = {each["code"] for each in labels(samples, "smtps_probe_finding")}
        assert "auth.rejected" in codes


async def test_nobody_can_have_the_password_sent_elsewhere(
    gallery: Gallery, tmp_path: Path
) -> None:
    settings = login(gallery, tmp_path, "secret", targets=["mail.example.com"])
    async with service(gallery, **settings) as client:
        for host in ("127.0.0.1", "localhost", "mail.example.com.evil.example"):
            answer = await client.get("/probe", params={"target": host, "module": "login"})
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["field"] == "target"


async def test_a_password_that_cannot_be_read(gallery: Gallery, tmp_path: Path) -> None:
    settings = login(gallery, tmp_path, "secret")
    (tmp_path / "password").unlink()
    async with service(gallery, **settings) as client:
        answer = await client.get("/probe", params={"target": "127.0.0.1", "module": "login"})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "module"
        assert str(tmp_path) not in answer.text


async def test_a_password_from_the_environment(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_PASSWORD", gallery.boxes["healthy"].password)
    settings = login(gallery, tmp_path, "", password_file=None, password_env="PROBE_PASSWORD")
    async with service(gallery, **settings) as client:
        assert value(await probe(client, "127.0.0.1", module="login"), "probe_success") == 1


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ("username = 'u'\ntargets = ['x']", "needs one of password_file and password_env"),
        ("password_env = 'P'", "needs one of"),
        ("username = 'u'\npassword_env = 'P'", "targets must list the hosts"),
        ("username = 'u'\npassword_env = 'P'\npassword_file = 'p'\ntargets = ['x']", "one of"),
        ("security = 'none'", "probe.mine.security"),
        ("port = 0", "probe.mine.port"),
        ("timeout = 0", "probe.mine.timeout"),
        ("nonsense = 1", "probe.mine.nonsense"),
    ],
)
def test_modules_that_cannot_be(module: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "smtps.toml").write_text(f"[probe.mine]\n{module}\n")
    with pytest.raises(InputError, match=r"probe\.mine") as caught:
        load(tmp_path / "smtps.toml")
    assert problem in str(caught.value)


def test_modules_stand_beside_those_that_are_built_in(tmp_path: Path) -> None:
    (tmp_path / "smtps.toml").write_text(
        "[probe.mine]\nport = 2465\n[probe.submission]\ntimeout = 3\nsecurity = 'starttls'\n"
    )
    modules = load(tmp_path / "smtps.toml").probe
    assert set(modules) == {"submissions", "submission", "mine"}
    assert modules["submission"].timeout == 3
    assert modules["mine"].endpoint(Target("x"), most=60).port == 2465
    assert modules["mine"].endpoint(Target("x", 25), most=60).port == 25
    assert modules["submissions"].endpoint(Target("x"), most=60).port == 465
    assert modules["submission"].endpoint(Target("x"), most=60).timeouts.total == 3


async def test_the_guards_stand_before_the_probe_as_well() -> None:
    egress = {"private_targets": False, "target_ports": [465]}
    async with service(None, **egress) as client:
        answer = await client.get("/probe", params={"target": "127.0.0.1:465"})
        assert (answer.status_code, answer.json()["code"]) == (403, "net.forbidden")
    async with service(None, tokens={"ci": callers.hash_token("t")}) as client:
        answer = await client.get("/probe", params={"target": "127.0.0.1:1"})
        assert answer.status_code == 401
    async with service(None, caller_rate="1/hour") as client:
        for status in (200, 429):
            answer = await client.get("/probe", params={"target": "127.0.0.1:1"})
            assert answer.status_code == status
    async with service(None, target_rate="1/hour") as client:
        for status in (200, 429):
            answer = await client.get("/probe", params={"target": "127.0.0.1:1"})
            assert answer.status_code == status
    async with service(None) as client:
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        answer = await client.get("/probe?target=127.0.0.1:1", headers=elsewhere)
        assert answer.status_code == 403


async def test_a_module_logs_in_as_an_account_does_and_at_its_server_only(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = gallery.boxes["healthy"]
    monkeypatch.setenv("MAIL_PW", box.password)
    account = {"host": box.host, "port": box.port, "security": "implicit", "username": box.username,
               "password_env": "MAIL_PW", "ca_file": str(box.ca_file)}  # fmt: skip
    settings = {"accounts": {"main": account}, "probe": {"mine": {"account": "main"}}}
    async with service(gallery, **settings) as client:
        for where in (box.host, f"{box.host}:{box.port}"):
            found = read(
                (await client.get("/probe", params={"target": where, "module": "mine"})).text
            )
            assert found["probe_success", frozenset()] == 1
            assert {"phase": "auth"} in labels(found, "smtps_probe_phase_seconds")
        for where in ("localhost", target(gallery, "expired")):
            answer = await client.get("/probe", params={"target": where, "module": "mine"})
            assert (answer.status_code, "not the server" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ({"account": "none"}, "there is no account 'none'"),
        ({"account": "main", "targets": ["x"]}, "targets cannot be given with account"),
        ({"account": "main", "username": "u", "port": 1}, "port, username cannot be given"),
    ],
)
def test_a_module_with_an_account_has_nothing_of_its_own(
    module: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Settings(accounts={"main": {"host": "a.test"}}, probe={"mine": module})  # type: ignore[dict-item]
