"""Gathering: every address on its own, one login, nothing left open."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tests.nameserver import Zone, name_server
from tests.net.servers import black_hole

import smtps
from smtps.checks.facts import AddressFacts
from smtps.net.dial import connect_any
from smtps.net.resolve import Address
from smtps.sandbox.server import Sandbox


async def test_the_phases_are_told_as_they_end() -> None:
    told: list[str] = []
    async with Sandbox() as box:
        await smtps.check(
            box.host,
            port=box.port,
            ca_file=box.ca_file,
            username=box.username,
            password=box.password,
            progress=lambda _seen, phase: told.append(phase),
        )
    assert told == ["tcp", "tls", "greeting", "ehlo", "auth"]


async def test_what_is_behind_a_bad_certificate_is_told_without_credentials() -> None:
    async with Sandbox("expired") as box:
        report = await smtps.check(
            box.host,
            port=box.port,
            ca_file=box.ca_file,
            username=box.username,
            password=box.password,
        )
    best = report.facts.best
    assert best is not None
    assert best.capabilities is not None
    assert best.mechanism is None
    assert best.login_failure is None
    assert report.as_json()["auth"] == {
        "offered": ["LOGIN", "PLAIN"],
        "tried": False,
        "authenticated": False,
        "mechanism": None,
        "failure": None,
        "mechanisms": [],
    }


async def test_policy_is_asked_about_the_address_not_the_name() -> None:
    asked: list[Address] = []

    def allow(address: Address) -> bool:
        asked.append(address)
        return False

    for first in (True, False):
        with pytest.raises(smtps.ForbiddenError):
            await smtps.check("localhost", port=9, allow=allow, first=first)
    assert {address.ip for address in asked} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(("number", "codes"), [(16, []), (17, ["net.many_addresses"])])
@pytest.mark.parametrize("first", [True, False])
async def test_a_name_cannot_aim_it_at_a_whole_network(
    number: int, codes: list[str], first: bool
) -> None:
    asked: set[str] = set()

    def allow(address: Address) -> bool:
        asked.add(address.ip)
        return True

    async with Sandbox() as box:
        zone: Zone = {("many.test", "A"): [f"127.0.0.{last + 1}" for last in range(number)]}
        async with name_server(zone) as server:
            report = await smtps.check(
                "many.test",
                port=box.port,
                resolver=server.place,
                verify=False,
                allow=allow,
                first=first,
            )
    assert len(asked) == 16
    assert len(report.facts.addresses) == (1 if first else 16)
    assert [f.code for f in report.findings if f.code == "net.many_addresses"] == codes


async def test_a_connection_is_tried_at_so_many_addresses_and_no_more() -> None:
    asked: list[Address] = []

    def allow(address: Address) -> bool:
        asked.append(address)
        return True

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        addresses = [Address(f"127.0.0.{last + 2}", port) for last in range(17)]
        with pytest.raises(smtps.NetworkError):
            await connect_any(addresses, timeout=5, allow=allow)
    assert set(asked) == set(addresses[:16])


@pytest.mark.parametrize("host", ["a b", "2130706433", "0x7f.1", "", "x" * 64 + ".test"])
async def test_a_host_that_can_be_none_is_the_caller_s_mistake(host: str) -> None:
    with pytest.raises(smtps.InputError):
        await smtps.check(host)


async def test_a_name_for_ehlo_is_checked_before_anything_is_connected() -> None:
    with pytest.raises(smtps.InputError, match="ehlo_name"):
        await smtps.check("127.0.0.1", port=1, ehlo_name="no\r\nname")


async def test_a_failed_look_up_is_kept_though_there_is_no_time_to_explain_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    monkeypatch.setattr("smtps.checks.dns_facts.why_unresolved", never)
    monkeypatch.setattr("smtps.checks.gather.MAX_WHY", 0.05)
    report = await smtps.check("nothing.a-provider.net")
    assert report.failure is not None
    assert report.failure.code == "dns.name_not_found"
    assert report.verdict == "fails"


async def test_a_deadline_holds_for_everything_together() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        report = await smtps.check(
            "127.0.0.1", port=port, timeouts=smtps.Timeouts(total=0.2), first=True
        )
    assert [finding.code for finding in report.findings] == ["tls.timeout"]


async def test_a_silent_server_cannot_use_up_the_time_to_look_why() -> None:
    async with Sandbox("implicit-only") as box:
        report = await smtps.check(
            box.host,
            port=box.port,
            security="starttls",
            ca_file=box.ca_file,
            timeouts=smtps.Timeouts(total=5.0, greeting=5.0),
        )
    assert [finding.code for finding in report.findings] == ["tls.implicit_tls_port"]
    assert report.facts.addresses[0].timings["greeting"] < 4700


@pytest.mark.parametrize(
    ("control", "told", "code"),
    [
        (None, None, "net.timeout"),
        ("127.0.0.1", "silent", "net.port_blocked_here"),
        ("127.0.0.2", "answers", "net.dropped_there"),
        ("127.0.0.3", None, "net.timeout"),  # refuses, which tells nothing
        ("nowhere.invalid", None, "net.timeout"),
    ],
)
async def test_a_control_tells_a_blocked_port_from_a_dead_server(
    control: str | None, told: str | None, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with black_hole() as place, socket.create_server(("127.0.0.2", place.port)):
        report = await smtps.check(
            place.ip, port=place.port, control=control, timeouts=smtps.Timeouts(tcp=0.2)
        )
    assert report.facts.control == told
    assert [finding.code for finding in report.findings] == [code]


@pytest.mark.parametrize(
    ("total", "told", "code"),
    [
        (8.0, "silent", "net.port_blocked_here"),  # two seconds were kept for it
        (0.4, None, "net.timeout"),  # too little to say that it is silent
    ],
)
async def test_a_control_keeps_to_the_time_for_everything(
    total: float, told: str | None, code: str
) -> None:
    with black_hole() as place:
        report = await smtps.check(
            place.ip,
            port=place.port,
            control=place.ip,
            timeouts=smtps.Timeouts(tcp=min(total, 6.5), total=total),
        )
    assert report.facts.control == told
    assert [finding.code for finding in report.findings] == [code]


async def test_a_control_may_answer_though_the_server_was_silent_to_the_end() -> None:
    with black_hole() as place, socket.create_server(("127.0.0.2", place.port)):
        report = await smtps.check(
            place.ip, port=place.port, control="127.0.0.2", timeouts=smtps.Timeouts(total=4.0)
        )
    assert report.facts.control == "answers"


async def test_the_control_is_left_alone_while_the_server_answers() -> None:
    async with Sandbox() as box:
        report = await smtps.check(
            box.host, port=box.port, ca_file=box.ca_file, control="nowhere.invalid"
        )
    assert report.facts.control is None
    assert report.verdict == "works"


async def test_a_cancelled_check_leaves_nothing_behind() -> None:
    async with Sandbox("late-greeting") as box:
        greeted: list[AddressFacts] = []
        task = asyncio.create_task(
            smtps.check(
                box.host,
                port=box.port,
                ca_file=box.ca_file,
                progress=lambda seen, _phase: greeted.append(seen),
            )
        )
        while len(greeted) < 2:  # TCP and TLS are done; the greeting is waited for
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in others if "smtps.checks" in str(task.get_coro())]
        async with asyncio.timeout(2):
            while box.clients:  # the server sees the connection go
                await asyncio.sleep(0.01)


def test_the_blocking_form_gives_the_same() -> None:
    with smtps.sync.sandbox() as box:
        options = smtps.Endpoint(
            box.host,
            box.port,
            ca_file=box.ca_file,
            username=box.username,
            password=box.password,
        )
        assert smtps.sync.check(options).verdict == "works"
        with smtps.sync.connect(options) as session:
            session.noop()
            assert "PIPELINING" in session.capabilities
            message = smtps.Message(from_="a@x.test", to="b@x.test", text="x")
            assert session.send(message).raise_for_outcome().outcome == "sent"
            assert session.usable
            assert "EHLO portofcall" in str(session.transcript)
        assert len(box.inbox) == 1


def test_raise_for_outcome_raises_with_the_result() -> None:
    with smtps.sync.sandbox("drop-after-data") as box:
        message = smtps.Message(from_="a@x.test", to="b@x.test", text="x")
        result = smtps.sync.send(
            message,
            box.host,
            port=box.port,
            ca_file=box.ca_file,
            username=box.username,
            password=box.password,
        )
    with pytest.raises(smtps.SendError) as caught:
        result.raise_for_outcome()
    assert caught.value.result is result
    assert caught.value.code == "send.uncertain"
