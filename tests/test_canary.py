"""A secret goes to the server and nowhere else: neither plain nor in base64, whatever happens."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import re
import traceback
from typing import Any

import pytest
from scramp import ScramMechanism
from tests.conftest import StartSandbox
from tests.dialogues.scripted import ScriptedWire

import smtps
from smtps.client.handshake import Access
from smtps.client.session import Session
from smtps.main import main
from smtps.net.wire import Wire
from smtps.sandbox.gallery import Gallery

SECRET = "C4nary-Pässword+/="
RAW = b"Subject: x\r\n\r\nx\r\n"


def forms(secret: str | bytes) -> set[str]:
    """The secret plain, and what base64 shows of it at each alignment."""
    data = secret.encode() if isinstance(secret, str) else secret
    found = {data.decode(), base64.b64encode(data).decode().rstrip("=")}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data).decode()
        found.add(text[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6])
    return found


def check_silent(*outputs: str, secret: str | bytes = SECRET) -> None:
    for output in outputs:
        for form in forms(secret):
            assert form not in output, f"{form!r} in {output[:500]!r}"


def everything(session: Session, error: BaseException | None, result: Any) -> list[str]:
    """All that a caller, a log or a report could show."""
    said = [repr(session.endpoint), repr(session), str(session.transcript), repr(result)]
    said.append(json.dumps(session.transcript.as_json()))
    said.append(repr(session._access.dialogue.broken) + str(session._access.dialogue.broken))
    while error is not None:
        said += [repr(error), str(error), "".join(traceback.format_exception(error))]
        if isinstance(error, smtps.SMTPSError):
            said.append(repr(error.failure))
        error = error.__cause__ or error.__context__
    return said


async def play(wire: Wire, **options: Any) -> list[str]:
    timeouts = smtps.Timeouts(command=0.05, greeting=0.05)
    session = Session(Access(wire, smtps.Endpoint("x", timeouts=timeouts, **options)))
    error, result = None, None
    try:
        await session._access.greet()
        await session._access.hello()
        await session._access.login()
        result = await session.send(RAW, smtps.Envelope.of("a@x.test", "b@x.test"))
    except smtps.SMTPSError as caught:
        error = caught
    await session.quit()
    return everything(session, error, result)


B64 = base64.b64encode(SECRET.encode()).decode()
PLAIN = base64.b64encode(f"\0user\0{SECRET}".encode()).decode()
TOKEN = base64.b64encode(f"user=user\x01auth=Bearer {SECRET}\x01\x01".encode()).decode()
HELLO = "S 220 x\nC EHLO portofcall\nS 250-x\nS 250 AUTH {}\n"
ECHOES = [SECRET, B64, PLAIN, TOKEN, f"you said {PLAIN} to me", f"AUTH PLAIN {PLAIN[4:]}"]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("code", ["235", "535", "454", "421", "501", "999", "334"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2"])
async def test_what_the_server_echoes_is_hidden(
    echo: str, code: str, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = {"password": SECRET} if mechanism == "PLAIN" else {"access_token": SECRET}
    said = f"{code} {echo}".encode().decode("latin-1").encode("unicode_escape").decode()
    script = HELLO.format(mechanism) + f"C AUTH {mechanism} …\nR {said}\\r\\n\nclose"
    with caplog.at_level(logging.DEBUG):
        wire = ForgivingWire(script)
        outputs = await play(wire, username="user", **secret)
    check_silent(*outputs, caplog.text)


class ForgivingWire(ScriptedWire):
    """Goes on after the script's end, whatever the client says: only the outputs matter here."""

    def write(self, data: bytes | memoryview) -> None:
        if not self.finished:
            super().write(data)


@pytest.mark.parametrize("mechanism", ["LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("code", ["235", "535"])
async def test_mechanisms_in_steps(mechanism: str, code: str) -> None:
    said = f"{code} {B64} {SECRET}".encode().decode("latin-1").encode("unicode_escape").decode()
    steps = "C …\nS 334 UA==\nC …\n" if mechanism == "LOGIN" else "C …\n"
    script = (
        f"{HELLO.format(mechanism)}C AUTH {mechanism}\nS 334 VQ==\n{steps}R {said}\\r\\n\nclose"
    )
    check_silent(*await play(ForgivingWire(script), username="user", password=SECRET))


class ScramWire(ScriptedWire):
    """A server that knows SCRAM, and repeats the client's proof to the whole world."""

    def __init__(self, *, good: bool) -> None:
        super().__init__("S 220 x\nC EHLO portofcall\nS 250-x\nS 250 AUTH SCRAM-SHA-256\nclose")
        known = ScramMechanism("SCRAM-SHA-256").make_auth_info(SECRET if good else "other")
        self._server: Any = ScramMechanism("SCRAM-SHA-256").make_server(lambda _user: known)
        self._step = 0
        self.proof = ""

    def write(self, data: bytes | memoryview) -> None:
        line = bytes(data).decode().strip()
        if not self.finished:
            super().write(data)
            return
        self._step += 1
        answer = base64.b64decode(line.split()[-1]).decode() if self._step < 3 else ""
        if self._step == 1:
            self._server.set_client_first(answer)
            first = base64.b64encode(self._server.get_server_first().encode()).decode()
            self._say(f"334 {first}\r\n".encode())
        elif self._step == 2:
            self.proof = answer.rpartition(",p=")[2]
            try:
                self._server.set_client_final(answer)
                final = self._server.get_server_final()
                self._say(f"334 {base64.b64encode(final.encode()).decode()}\r\n".encode())
            except Exception:
                self._say(f"535 {line} {answer} is wrong\r\n".encode())
        elif self._step == 3 and line != "QUIT":
            self._say(b"235 welcome\r\n")


@pytest.mark.parametrize("good", [True, False])
async def test_the_proof_of_scram_is_hidden_too(good: bool) -> None:
    wire = ScramWire(good=good)
    outputs = await play(wire, username="user", password=SECRET)
    assert wire.proof
    check_silent(*outputs)
    check_silent(*outputs, secret=f",p={wire.proof}")
    assert any("235 welcome" in output for output in outputs) is good


@pytest.mark.parametrize(
    "persona",
    ["healthy", "expired", "self-signed", "wrong-host", "bad-password", "drop-after-data"],
)
def test_the_shell_tells_nobody(
    persona: str,
    start_sandbox: StartSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = start_sandbox(persona)
    for password in (SECRET, box.password):
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        login = ["--ca-file", str(box.ca_file), "-u", box.username, "--password-file", "-"]
        where = f"{box.host}:{box.port}"
        people = ["--from", "a@x.test", "--to", "b@x.test"]
        with caplog.at_level(logging.DEBUG):
            for arguments in (
                ["check", where, "--json", "--transcript"],
                ["check", where, "--transcript"],
                ["send", "--host", where, *people, "--transcript", "--json"],
                ["send", "--host", where, *people, "--transcript"],
            ):
                monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
                main([*arguments, *login])
        out, error = capsys.readouterr()
        shown = re.sub(re.escape(str(box.ca_file)), "", out + error)
        check_silent(shown, secret=password)
        mine = [r.getMessage() for r in caplog.records if not r.name.startswith("asyncio")]
        check_silent(*mine, secret=password)


async def test_the_service_tells_nobody() -> None:
    import httpx2 as httpx  # noqa: PLC0415

    from smtps.config.settings import Settings  # noqa: PLC0415
    from smtps.http.app import create_app  # noqa: PLC0415

    async with Gallery() as gallery:
        transport = httpx.ASGITransport(create_app(Settings(), gallery))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for box in gallery.boxes.values():
                body: dict[str, Any] = {
                    "timeout": 200,  # for those that never answer
                    "host": box.host,
                    "port": box.port,
                    "username": "u",
                    "password": SECRET,
                }
                mail = body | {"from": "a@x.test", "to": "b@x.test"}
                for answer in (
                    await client.post("/api/smtps/connect?detail=full", json=body),
                    await client.get("/api/smtps/connect", params=body | {"detail": "full"}),
                    await client.post("/api/smtps/connect/events", json=body),
                    await client.post("/api/smtps/send?detail=full", json=mail),
                    await client.post("/api/smtps/send", json=mail | {"nonsense": 1}),
                    await client.get("/api/smtps/connect", params=body | {"port": "x"}),
                ):
                    check_silent(answer.text, str(answer.headers))
            check_silent((await client.get("/metrics")).text)


async def test_a_cancelled_session_leaves_nothing() -> None:
    """At every wait of a login and a send: the wire is dropped and the session over."""
    script = (
        f"{HELLO.format('PLAIN')}C AUTH PLAIN …\nS 235 ok\nC MAIL …\nS 250 ok\nC RCPT …\nS 250 ok\n"
        "C DATA\nS 354 go\nC <message>\nS 250 ok\nC QUIT\nS 221 bye\nclose"
    )
    finished = False
    for wait in range(100):
        wire = StallingWire(script, wait)
        task = asyncio.create_task(play(wire, username="user", password=SECRET))
        await asyncio.wait((task, stalled := asyncio.create_task(wire.stalled.wait())),
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        stalled.cancel()
        finished = task.done()
        if finished:
            break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert wire.aborted
        left = asyncio.all_tasks() - {asyncio.current_task(), stalled}
        assert not [other for other in left if not other.done()]
    assert finished
    assert wait >= 8


class StallingWire(ScriptedWire):
    """Falls silent at the n-th wait."""

    def __init__(self, script: str, wait: int) -> None:
        super().__init__(script)
        self._left = wait
        self.stalled = asyncio.Event()

    async def receive(self, until: float | None = None) -> bytes:
        if self._left == 0:
            self.stalled.set()
            await asyncio.Event().wait()
        self._left -= 1
        return await super().receive()


async def test_cancelled_over_real_sockets_nothing_stays_open() -> None:
    async with smtps.Sandbox() as box:
        endpoint = smtps.Endpoint(
            box.host, box.port, ca_file=box.ca_file, username=box.username, password=box.password
        )
        message = smtps.Message(from_="a@x.test", to="b@x.test", text="x")
        before = asyncio.all_tasks()
        for milliseconds in range(0, 24, 2):
            task = asyncio.create_task(smtps.send(message, endpoint))
            await asyncio.sleep(milliseconds / 1000)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(2):
            while box.clients:
                await asyncio.sleep(0.01)
        left = [t for t in asyncio.all_tasks() - before if "smtps.client" in str(t.get_coro())]
        assert not left
