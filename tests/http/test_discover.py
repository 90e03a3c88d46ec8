"""Names at the service: its own resolver, the way from a mail address, and names that change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2 as httpx
from tests.nameserver import NameServer, Zone, name_server

from smtps.config.settings import Settings
from smtps.http.app import create_app

NAMES = ("turncoat.test", "both.test", "private.test")


@asynccontextmanager
async def service(
    zone: Zone, **settings: object
) -> AsyncIterator[tuple[httpx.AsyncClient, NameServer]]:
    async with name_server(zone) as server:
        app = create_app(Settings.model_validate({"resolver": server.place, **settings}), None)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client, server


async def test_the_way_from_a_mail_address() -> None:
    zone: Zone = {("_submissions._tcp.x.test", "SRV"): ["0 0 465 smtp.x.test."]}
    async with service(zone) as (client, _):
        answer = await client.get("/api/smtps/discover", params={"address": "ann@x.test"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["servers"] == [{"host": "smtp.x.test", "port": 465, "security": "implicit"}]
    assert [step["source"] for step in found["steps"]] == ["srv", "srv"]


async def test_what_is_no_mail_address() -> None:
    async with service({}) as (client, _):
        answer = await client.get("/api/smtps/discover", params={"address": "ann"})
        missing = await client.get("/api/smtps/discover")
    assert (answer.status_code, missing.status_code) == (400, 400)
    assert answer.json()["errors"][0]["field"] == "address"


async def test_documents_are_not_fetched_from_private_addresses() -> None:
    zone: Zone = {("autoconfig.x.test", "A"): ["127.0.0.1"], ("x.test", "A"): ["10.0.0.1"]}
    async with service(zone, private_targets=False) as (client, _):
        answer = await client.get("/api/smtps/discover", params={"address": "ann@x.test"})
    remarks = {step["remark"] for step in answer.json()["steps"] if step["source"] == "autoconfig"}
    assert remarks == {"Connections to this target are not allowed."}


async def test_a_probe_asks_the_resolver_of_the_settings() -> None:
    async with service({("smtp.x.test", "A"): ["127.0.0.1"]}) as (client, _):
        answer = await client.get("/probe", params={"target": "smtp.x.test:1"})
    assert 'smtps_probe_finding{code="net.refused"' in answer.text


async def test_a_mail_address_can_be_checked() -> None:
    zone: Zone = {
        ("_submissions._tcp.x.test", "SRV"): ["0 0 1 smtp.x.test."],
        ("smtp.x.test", "A"): ["127.0.0.1"],
    }
    async with service(zone) as (client, _):
        answer = await client.get("/smtps/ann@x.test", params={"format": "json"})
    report = answer.json()
    assert (report["target"], report["host"], report["port"]) == ("ann@x.test", "smtp.x.test", 1)
    assert report["findings"][0]["code"] == "net.refused"


async def test_names_are_judged_by_the_addresses_that_they_have_at_that_moment() -> None:
    """A name that leads out when it is first looked up and in afterwards (DNS rebinding)."""
    answers = iter(["8.8.8.8"])
    zone: Zone = {
        ("turncoat.test", "A"): lambda: [next(answers, "127.0.0.1")],
        ("both.test", "A"): ["8.8.8.8", "127.0.0.1"],
        ("private.test", "A"): ["127.0.0.1"],
    }
    async with service(zone, private_targets=False, target_ports=[465]) as (client, server):
        next(answers)  # somebody has looked it up before, and saw a public address
        told = [
            await client.get("/api/smtps/connect", params={"host": name, "port": 465})
            for name in NAMES
        ]
        asked = [name for name, kind in server.asked if kind == "A"]
    assert [answer.status_code for answer in told] == [403] * 3
    assert len({answer.json()["detail"] for answer in told}) == 1
    assert asked == [*NAMES]


async def test_the_address_that_was_judged_is_the_one_connected_to() -> None:
    """The second look-up, which would lead elsewhere, never takes place."""
    answers = iter(["127.0.0.1", "127.0.0.2"])
    zone: Zone = {("turncoat.test", "A"): lambda: [next(answers)]}
    async with service(zone) as (client, server):
        answer = await client.get("/api/smtps/connect", params={"host": "turncoat.test", "port": 1})
    assert answer.json()["address"] == "127.0.0.1"
    assert [kind for _, kind in server.asked].count("A") == 1
