"""The same broken servers, seen by smtps and by the tools that people use today.

    python -m benchmarks.diagnosis [--sslyze PROGRAM]    writes benchmarks/diagnosis.md
    python -m benchmarks.diagnosis --judge               the same from what was said last time

Each tool is run as its manual says, with the authority of the sandbox where it takes one and with
the credentials where it takes them. Whether it names the cause is judged by CAUSES alone: a regular
expression for each persona, held against all that the tool prints. A tool that is not there is left
out and named.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAID = Path(__file__).parent / "diagnosis.said.json"

LIMIT = 30
"""Seconds for a tool."""

CAUSES = {
    "expired": r"expired|out of date|not valid at",
    "not-yet-valid": r"not yet valid|not valid (yet|at)|valid only from",
    "self-signed": r"self.signed",
    "wrong-host": r"(name|subject|domain).*not match|mismatch|another name",
    "missing-intermediate": r"(intermediate|chain|link).*(missing|incomplete)|chain incomplete",
    "three-faults": r"(?s)(?=.*(expired|out of date))(?=.*(mismatch|another name|not match))"
                    r"(?=.*(missing|incomplete))",
    "weak-key": r"weak|too (small|short)|1024",
    "sha1": r"sha-?1",
    "client-only": r"purpose|client authentication only",
    "old-tls": r"(only|up to|agrees to|offered).*TLS ?v?1(\.0|\.1)?\b|protocol version",
    "old-ciphers": r"(only|obsolete|old|weak) (old )?ciphers?|AES128-SHA",
    "weak-dh": r"(DH|Diffie).*(weak|small|short|1024)|dh key too small",
    "client-certificate": r"certificate required|clients? .*(certificate|authentication)",
    "plaintext": r"(not|no) (start with |speak )?(TLS|SSL)|in the clear|plain ?text|220 ",
    "plaintext-late": r"(not|no) (start with |speak )?(TLS|SSL)|in the clear|plain ?text|220 ",
    "http": r"HTTP|web server",
    "silent": r"time.?d? ?out|no answer|not finish",
    "hangs-up": r"hung up|closed|EOF|reset",
    "unknown-name": r"unrecognized.name|SNI",
    "no-renegotiation": r"renegotiation",
    "implicit-only": r"TLS from the first byte|implicit",
    "late-greeting": r"late|after \d+(\.\d)? seconds",
    "turned-away": r"\b554\b",
    "blocklisted": r"block.?list|zen|listed",
    "too-many-connections": r"too many|rate",
    "picky-about-names": r"\b50[14]\b|FQDN|name.*(refused|EHLO)|EHLO",
    "bad-password": r"\b535\b|password",
    "app-password": r"app.*password|application-specific",
    "disabled-by-admin": r"disabled",
    "no-auth": r"(no|not) .*(AUTH|login)|auth.*not (available|supported|offered)",
    "auth-in-clear": r"(password|login|auth).*(clear|before|unencrypted|without TLS)",
    "starttls-missing": r"(STARTTLS).*(not|no)|no STARTTLS|not.*STARTTLS",
    "starttls-injection": r"(inject|middle|left over|buffered|before the upgrade)",
    "open-relay": r"relay",
}  # fmt: skip

SMTPLIB = """\
import smtplib, ssl, sys
host, port, security, user, password, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
if security == "implicit":
    server = smtplib.SMTP_SSL(host, int(port), context=context, timeout=20)
else:
    server = smtplib.SMTP(host, int(port), timeout=20)
    server.starttls(context=context)
server.login(user, password)
print("works")
"""


@dataclass(frozen=True)
class Case:
    """A persona that runs."""

    name: str
    host: str
    port: int
    security: str
    shown_by: str
    username: str
    password: str
    ca_file: str

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Saying:
    """What a tool said."""

    text: str
    seconds: float

    def names(self, cause: str) -> bool:
        return re.search(cause, self.text, re.IGNORECASE) is not None

    def line(self, cause: str) -> str:
        """The line that names the cause, else the last one."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip(" -=*")]
        telling = [line for line in lines if re.search(cause, line, re.IGNORECASE)]
        found = (telling or lines or ["(nothing)"])[0 if telling else -1]
        return re.sub(r"[|`\s]+", " ", found)[:90]


def smtps(case: Case) -> list[str]:
    ways = {
        "deep": ["--deep"],
        "anonymous envelope": ["--mail-from", case.username, "--rcpt-to", "you@example.test"],
    }
    login = [] if "anonymous" in case.shown_by else [
        "--username", case.username, "--password-command", f"echo {case.password}"]  # fmt: skip
    starttls = ["--starttls"] if case.security == "starttls" else []
    return [sys.executable, "-m", "smtps", "check", case.place, "--ca-file", case.ca_file,
            "--timeout", "20", *starttls, *login, *ways.get(case.shown_by, [])]  # fmt: skip


def swaks(case: Case) -> list[str]:
    way = "--tls" if case.security == "starttls" else "--tls-on-connect"
    return ["swaks", "--server", case.host, "--port", str(case.port), way, "--tls-verify",
            "--tls-ca-path", case.ca_file, "--timeout", "20", "--auth", "--auth-user",
            case.username, "--auth-password", case.password, "--to", "you@example.test",
            "--quit-after", "AUTH"]  # fmt: skip


def openssl(case: Case) -> list[str]:
    starttls = ["-starttls", "smtp"] if case.security == "starttls" else []
    return ["openssl", "s_client", "-connect", case.place, "-CAfile", case.ca_file, "-verify_ip",
            "127.0.0.1", "-verify_return_error", "-crlf", "-ign_eof", *starttls]  # fmt: skip


def testssl(case: Case) -> list[str]:
    starttls = ["-t", "smtp"] if case.security == "starttls" else []
    return ["testssl", "--quiet", "--warnings", "off", "--color", "0", "--add-ca", case.ca_file,
            "--connect-timeout", "8", "--openssl-timeout", "8", "-p", "-S", *starttls,
            case.place]  # fmt: skip


def smtplib(case: Case) -> list[str]:
    return [sys.executable, "-c", SMTPLIB, case.host, str(case.port), case.security,
            case.username, case.password, case.ca_file]  # fmt: skip


def sslyze(program: str) -> Callable[[Case], list[str]]:
    def command(case: Case) -> list[str]:
        starttls = ["--starttls", "smtp"] if case.security == "starttls" else []
        return [program, "--certinfo", "--certinfo_ca_file", case.ca_file, "--tlsv1",
                "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", *starttls, case.place]  # fmt: skip

    return command


def ask(command: list[str]) -> Saying:
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, input="EHLO bench.example\nQUIT\n", text=True, errors="replace", timeout=LIMIT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        text = done.stdout
    except subprocess.TimeoutExpired as error:
        said = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else ""
        text = f"{said}\n(stopped after {LIMIT} s)"
    return Saying(text, time.perf_counter() - start)


@contextmanager
def sandbox() -> Iterator[list[Case]]:
    command = [sys.executable, "-m", "smtps", "sandbox", "--all", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        try:
            yield [_case(found, row) for row in found["personas"] if row["name"] in CAUSES]
        finally:
            process.terminate()


def _case(found: dict[str, Any], row: dict[str, Any]) -> Case:
    return Case(
        row["name"], row["host"], row["port"], row["security"], row["shown_by"],
        found["username"], found["password"], found["ca_file"],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sslyze", default="sslyze")
    parser.add_argument("--only", default="", help="personas, with a comma between")
    parser.add_argument("--judge", action="store_true", help="what was said last time")
    options = parser.parse_args()
    if not options.judge:
        SAID.write_text(json.dumps(hear(options)))
    kept = json.loads(SAID.read_text())
    said = {
        name: {tool: Saying(*saying) for tool, saying in sayings.items()}
        for name, sayings in kept["said"].items()
    }
    text = document(said, kept["tools"], kept["missing"])
    (Path(__file__).parent / "diagnosis.md").write_text(text)


def hear(options: argparse.Namespace) -> dict[str, Any]:
    """Run every tool against every persona."""
    tools: dict[str, Callable[[Case], list[str]]] = {
        "smtps": smtps, "swaks": swaks, "openssl s_client": openssl, "testssl.sh": testssl,
        "sslyze": sslyze(options.sslyze), "smtplib": smtplib,
    }  # fmt: skip
    programs = {"swaks": "swaks", "openssl s_client": "openssl", "testssl.sh": "testssl",
                "sslyze": options.sslyze}  # fmt: skip
    missing = [name for name, program in programs.items() if shutil.which(program) is None]
    tools = {name: tool for name, tool in tools.items() if name not in missing}
    said: dict[str, dict[str, tuple[str, float]]] = {}
    with sandbox() as cases:
        for case in cases:
            if options.only and case.name not in options.only.split(","):
                continue
            said[case.name] = {}
            for name, tool in tools.items():
                saying = ask(tool(case))
                said[case.name][name] = (saying.text, saying.seconds)
                mark = "+" if saying.names(CAUSES[case.name]) else "-"
                print(f"{case.name} {mark} {name} {saying.seconds:.1f} s", flush=True)
    return {"said": said, "tools": list(tools), "missing": missing}


def document(said: dict[str, dict[str, Saying]], tools: list[str], missing: list[str]) -> str:
    summary = []
    for tool in tools:
        named = sum(sayings[tool].names(CAUSES[name]) for name, sayings in said.items())
        median = statistics.median(sayings[tool].seconds for sayings in said.values())
        summary.append(f"| {tool} | {named} of {len(said)} | {median:.1f} |")
    rows = []
    for name, sayings in said.items():
        rows += ["", f"### {name}", "", "| tool | named | seconds | says |", "|---|---|---|---|"]
        for tool, saying in sayings.items():
            yes = "yes" if saying.names(CAUSES[name]) else "no"
            cells = (tool, yes, f"{saying.seconds:.1f}", f"`{saying.line(CAUSES[name])}`")
            rows.append(f"| {' | '.join(cells)} |")
    left_out = f"\nNot there, so left out: {', '.join(missing)}.\n" if missing else ""
    return f"""\
# The same failures, by other tools

`python -m benchmarks.diagnosis`: personas of the sandbox, each a mail server that is broken in one
way. Each tool gets the authority, and user name and password where it takes them. "Named" is judged
by one regular expression for each persona, in `diagnosis.py`, held against all that a tool prints;
shown is the line that names the cause, or the last one. A tool has {LIMIT} seconds. testssl.sh and
sslyze look at TLS and certificates alone and are not made for what comes after.
{left_out}
| tool | names the cause | median seconds |
|---|---|---|
{chr(10).join(summary)}
{chr(10).join(rows)}
"""


if __name__ == "__main__":
    main()
