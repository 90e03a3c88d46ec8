"""Runs the Python of the documents against a sandbox."""

from __future__ import annotations

import ast
import asyncio
import csv
import inspect
import io
from contextlib import redirect_stdout
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import smtps
from smtps.sandbox.server import Sandbox

LETTER = """\
From: Ann <ann@example.com>
To: {{ name }} <{{ email }}>
Subject: Your invoice

Dear {{ name }}
"""
READERS = "name,email\nBob,bob@example.org\nCarol,carol@example.net\n"
INVITATION = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART:20260102T120000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


class Program:
    """What the reader of the documents has written, and tests."""

    @staticmethod
    def _report(number: int = 0) -> smtps.Message:
        text = f"Number {number}"
        return smtps.Message(
            from_="ann@example.com", to="bob@example.org", subject="Your report", text=text
        )

    def send_report(self, host: str, port: int, username: str, password: str, ca_file: str) -> None:
        """Send one message."""
        smtps.sync.send(
            self._report(), host, port=port, username=username, password=password, ca_file=ca_file
        )

    def send_with_token(self, host: str, port: int, user: str, token: str, ca_file: str) -> None:
        """Send one message."""
        smtps.sync.send(
            self._report(), host, port=port, username=user, access_token=token, ca_file=ca_file
        )

    async def send_three(self, host: str, port: int, user: str, password: str, ca: str) -> None:
        """Send three."""
        async with smtps.connect(
            host, port=port, username=user, password=password, ca_file=ca
        ) as session:
            for number in range(3):
                await session.send(self._report(number))


def prepare(folder: Path) -> None:
    """Make the files that the documents name."""
    (folder / "report.pdf").write_bytes(b"%PDF-1.7\n")
    (folder / "letter.j2").write_text(LETTER)
    (folder / "readers.csv").write_text(READERS)
    (folder / "invite.ics").write_text(INVITATION, newline="")


def _names() -> dict[str, Any]:
    """What the text around the programs takes for granted."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.org", "Hello"
    message.set_content("Hello")
    return {
        "smtps": smtps,
        "csv": csv,
        "message": message,
        "messages": [Program._report(number) for number in range(3)],
        "data": message.as_bytes(),
        "png": b"\x89PNG",
        "my_program": Program(),
    }


def _here(program: str, box: Sandbox) -> str:
    """The program, with the sandbox in place of the documented server."""
    trusted = f'"{box.host}", port={box.port}, ca_file={str(box.ca_file)!r}'
    login = f"username={box.username!r}, password={box.password!r}"
    program = program.replace('username="u", password="p"', login)
    return program.replace('"smtp.example.com"', trusted)


def run(program: str, folder: Path) -> tuple[str, int]:
    """Run it in a folder with the files; gives what it prints, and how much mail came of it."""
    names = _names()
    output = io.StringIO()
    code = _compiled(program)
    if code.co_flags & inspect.CO_COROUTINE:
        return asyncio.run(_in_a_loop(program, names, folder))
    with smtps.sync.sandbox() as box, redirect_stdout(output):
        _keep_account(box, folder)
        exec(_compiled(_here(program, box)), names)
        return output.getvalue(), len(box.inbox)


def _keep_account(box: Sandbox, folder: Path) -> None:
    """Write the file of accounts that ``smtps.account("private")`` reads."""
    (folder / "password").write_text(box.password)
    (folder / "accounts.toml").write_text(
        f'[accounts.private]\nhost = "{box.host}"\nport = {box.port}\n'
        f'username = "{box.username}"\npassword_file = "{folder}/password"\n'
        f'ca_file = "{box.ca_file}"\n'
    )


def _compiled(program: str) -> Any:
    return compile(program, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


async def _in_a_loop(program: str, names: dict[str, Any], folder: Path) -> tuple[str, int]:
    output = io.StringIO()
    async with smtps.Sandbox() as box:
        server = smtps.Endpoint(
            box.host, box.port, username=box.username, password=box.password, ca_file=box.ca_file
        )
        async with smtps.Pool(server) as pool:
            with (folder / "readers.csv").open(newline="") as file, redirect_stdout(output):
                await eval(_compiled(_here(program, box)), {**names, "pool": pool, "file": file})
        return output.getvalue(), len(box.inbox)
