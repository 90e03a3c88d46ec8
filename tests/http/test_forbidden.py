"""Targets that the service must not reach: one answer for all, and never a packet to any."""

from __future__ import annotations

import statistics
import time
from typing import Any

import httpx2 as httpx
import pytest
from tests.test_egress import CLOSED

from smtps.config.settings import Settings
from smtps.http.app import create_app
from smtps.sandbox.server import Sandbox

NAMES = ("localhost", "127.1", "0x7f000001", "2130706433")
"""Not addresses: the first is resolved, the others can be no host names."""

ADDRESSES = [ip for ip in CLOSED if ip not in NAMES]
PATHS = ("/api/smtps/connect", "/api/smtps/check")


async def test_all_get_one_answer_after_the_same_time_and_no_connection(
    record_property: Any,
) -> None:
    async with Sandbox() as box, Sandbox(host="::1") as six:
        settings = Settings(private_targets=False, target_ports=[box.port, six.port, 465])
        transport = httpx.ASGITransport(create_app(settings))
        told, spent = set(), dict[str, float]()
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for path in PATHS:
                for ip in ADDRESSES:
                    for port in (box.port, six.port, 465):  # something listens, or nothing
                        start = time.perf_counter()
                        answer = await client.post(path, json={"host": ip, "port": port})
                        where = f"{ip}:{port}"
                        again = spent.get(where, 60.0)
                        spent[where] = min(again, time.perf_counter() - start)
                        told.add((answer.status_code, answer.text))
        assert not box.clients | six.clients
    assert len(ADDRESSES) >= 40
    assert len(told) == 1
    assert told.pop()[0] == 403
    middle = statistics.median(spent.values())
    record_property("median_ms", round(middle * 1000, 2))
    record_property("longest_ms", round(max(spent.values()) * 1000, 2))
    print(f"median {middle * 1000:.2f} ms, longest {max(spent.values()) * 1000:.2f} ms")
    assert max(spent.values()) < 5  # no time-out of any kind


@pytest.mark.parametrize(
    "host", [["127.0.0.1"], 2130706433, True, None, {}, "127.1", "0x7f000001", ""]
)
async def test_what_is_no_host_is_said_to_be_none(host: Any) -> None:
    transport = httpx.ASGITransport(create_app(Settings(private_targets=False)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for path in PATHS:
            answer = await client.post(path, json={"host": host})
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["field"] == "host"
