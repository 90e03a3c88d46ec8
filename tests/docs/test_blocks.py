"""Each block of the documents is run, or read by what would read it; one without a home fails."""

from __future__ import annotations

import ast
import configparser
import json
import re
import ssl
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx
import pytest
import yaml
from scripts import house
from tests.conftest import StartSandbox
from tests.docs import programs
from tests.docs.blocks import ROOT, Block, blocks, commands, in_documents
from tests.docs.service import PROXIED, Service, curl, running
from tests.net.pki import PKI
from tests.oauth.test_claims import jwt
from tests.peers.server import free_ports

import smtps
from smtps.checks.facts import AddressFacts, Facts
from smtps.checks.report import Report
from smtps.checks.token_facts import describe
from smtps.config.callers import hash_token
from smtps.config.settings import load
from smtps.errors import Failure
from smtps.main import build_parser, main
from smtps.oauth.provenance import Provenance
from smtps.report.text import render

BLOCKS = list(in_documents())


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a block is run.

    Attributes:
        service: a service with a sandbox.
        folder: the folder of the test, with the files that the documents name; the current one.
        pki: certificates.
        start_sandbox: starts another mail server.
        patch: to set the environment.
    """

    service: Service
    folder: Path
    pki: PKI
    start_sandbox: StartSandbox
    patch: pytest.MonkeyPatch


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture
def setting(
    service: Service,
    tmp_path: Path,
    pki: PKI,
    start_sandbox: StartSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Setting:
    monkeypatch.chdir(tmp_path)
    programs.prepare(tmp_path)
    return Setting(service, tmp_path, pki, start_sandbox, monkeypatch)


def a_program(block: Block, at: Setting) -> None:
    """Python: it runs, sends if it says so, and prints what the next block says."""
    at.patch.setenv("SMTPS_ACCOUNTS", str(at.folder / "accounts.toml"))
    printed, mail = programs.run(block.text, at.folder)
    sends = r"smtp\.example\.com.*send|pool\.send|await smtps\.send"
    assert (mail > 0) == bool(re.search(sends, block.text, re.DOTALL))
    following = BLOCKS[BLOCKS.index(block) + 1 :][:1]
    if following and home(following[0]) is an_output:
        assert printed == following[0].text
    elif "print(" in block.text:
        assert printed


def an_output(block: Block, at: Setting) -> None:
    """What a program prints: it is compared where that program is run."""
    before = BLOCKS[BLOCKS.index(block) - 1]
    assert before.file == block.file
    assert home(before) is a_program


def settings(block: Block, at: Setting) -> None:
    """TOML: the service takes it."""
    at.patch.setenv("MAIL_WEBHOOK", "whsec_" + "A" * 32)
    file = at.folder / "smtps.toml"
    file.write_text(block.text.replace("sha256:…", hash_token("x")))
    wanted = tomllib.loads(file.read_text())
    found = load(file)
    assert set(wanted) <= found.model_fields_set
    assert set(wanted.get("accounts", ())) <= set(found.accounts)


def a_transcript(block: Block, at: Setting) -> None:
    """``$ smtps check …`` and the beginning of the report that it prints."""
    command, _, shown = block.text.partition("\n\n")
    (words,) = commands(command)
    host = build_parser().parse_args(words[1:]).targets[0]
    box = at.start_sandbox("plaintext")
    seen = smtps.sync.check(box.host, port=box.port, security="implicit").failure
    assert seen is not None
    greeting = "220 mail.example.com ESMTP Postfix"
    assert seen.seen is not None
    message = seen.message.replace(seen.seen, greeting)
    failure = replace(seen, message=message, seen=greeting, address="192.0.2.1")
    there = AddressFacts("192.0.2.1", failure=failure)
    facts = Facts(host, host, 465, "implicit", datetime.now(UTC), addresses=[there])
    assert render(Report.of(facts)).startswith(shown)


ROBOT = {
    "aud": "https://outlook.office365.com", "exp": 1796080837, "roles": ["SMTP.SendAsApp"],
    "tid": "11111111-0000-0000-0000-000000000000", "idtyp": "app",
    "appid": "22222222-0000-0000-0000-000000000000",
    "oid": "33333333-0000-0000-0000-000000000000",
}  # fmt: skip


def a_token(block: Block, at: Setting) -> None:
    """``$ smtps check --account …``, and parts of the report on a token that is refused."""
    command, *shown = re.split(r"\n\n|\n…\n", block.text)
    build_parser().parse_args(command.splitlines()[0].split()[2:])
    shown = [*command.splitlines()[1:], *shown]
    reply = "5.7.3 Authentication unsuccessful"
    failure = Failure(code="auth.token_rejected", message=reply, smtp_code=535, enhanced="5.7.3",
                      lines=(reply,))  # fmt: skip
    robot = AddressFacts("192.0.2.1", login_failure=failure)
    known = Provenance(origin="client_credentials", grant="client_credentials")
    token = describe(jwt(ROBOT), known, host="smtp.office365.com", username="robot@contoso.com",
                     milliseconds=312.4)  # fmt: skip
    now = datetime(2026, 11, 30, 22, tzinfo=UTC)
    facts = Facts("robot", "smtp.office365.com", 587, "starttls", now, token=True,
                  wanted_login=True, access_token=token, addresses=[robot])  # fmt: skip
    printed = render(Report.of(facts))
    assert [part for part in shown if part.rstrip() not in printed] == []


def a_session(block: Block, at: Setting) -> None:
    """Commands, each after ``$``, and what a provider on the Internet makes them print."""
    lines = re.findall(r"^\$ (?:.*\\\n)*.*\n", block.text, re.MULTILINE)
    assert lines
    for program, *words in commands("".join(lines)):
        assert program == "smtps"
        build_parser().parse_args(words)


def some_commands(block: Block, at: Setting) -> None:
    """Commands: each is run if it can be, or read as its program would read it."""
    for words in commands(block.text):
        COMMANDS[words[0]](words[1:], at)


PLACES = {
    "TEXT…": "0x800CCC0E",
    "TARGET…": "mail.example.com", "HOST": "mail.example.com", "ADDRESS": "ann@example.com",
    "ACTION": "list", "NAME": "ann", "FILE": "smtps.toml", "TEXT": "gmail",
}  # fmt: skip
ONLY_READ = ("serve", "sandbox", "worker", "outbox", "login", "logout", "accounts")
"""Commands that go on until they are stopped, or need a provider, or an outbox with mail: the first
is what the requests are sent to, and the others have tests of their own.
"""


def _smtps(words: list[str], at: Setting) -> None:
    for wanted in _written_out(words):
        build_parser().parse_args(wanted)
        if wanted[0] in ("explain", "completion", "manual"):
            assert main(wanted) == 0
        elif wanted[0] not in ONLY_READ and ("[options]" not in words or "--merge" in words):
            _on_loopback(wanted, at)


def _written_out(words: list[str]) -> Iterator[list[str]]:
    """A command as it can be given: without brackets and placeholders, once for each choice."""
    command, *rest = [word.strip("[]") for word in words if word != "[options]"]
    for choice in " ".join(rest).split(" | "):
        if choice or not rest:
            yield [command, *(PLACES.get(word, word) for word in choice.split())]


def _on_loopback(words: list[str], at: Setting) -> None:
    """Run a command with the sandbox's server, and files in the test's folder."""
    there = f"{at.service.host}:{at.service.port}"
    (at.folder / "servers.txt").write_text(f"# one\n{there}\n")
    at.patch.setenv("PASSWORD", at.service.password)
    own = {"mail.example.com": there, "ann": at.service.username}
    wanted = [own.get(word, word) for word in words]
    if "--output-file" in wanted:
        place = wanted.index("--output-file") + 1
        wanted[place] = str(at.folder / Path(wanted[place]).name)
    if "--username" in wanted:
        wanted += ["--password-env", "PASSWORD"]
    assert main([*wanted, "--ca-file", at.service.ca_file]) == 0
    for option in ("--output-file", "--log"):
        if option in wanted:
            assert Path(wanted[wanted.index(option) + 1]).stat().st_size > 0


def _as_root(words: list[str]) -> None:
    """A step of an installation: the files that it names exist, and the unit says the same."""
    program, *rest = words
    unit = (ROOT / "deploy" / "smtps.service").read_text()
    if program == "install":
        *_, source, place = rest
        assert source == "smtps.toml" or (ROOT / source).is_file()
        assert place in unit or Path(place).name == Path(source).name
    elif program == "ln":
        assert f"ExecStart={rest[-1]} serve" in unit
    elif program == "groupadd":
        assert f"SupplementaryGroups={rest[-1]}" in unit
    elif program == "systemctl":
        assert rest[-1] == "smtps"
    else:
        assert (program, rest[0]) == ("python3", "-m") or program.endswith("/pip")


def _docker(words: list[str], at: Setting) -> None:
    """An image or a container: what it is told fits the Dockerfile, and the service's options."""
    verb, *rest = words
    file = (ROOT / "Dockerfile").read_text()
    assert verb in ("build", "volume", "run")
    if verb != "run":
        return
    place = rest.index("smtps", rest.index("--stop-timeout"))
    build_parser().parse_args(["serve", *rest[place + 1 :]])
    published = rest[rest.index("--publish") + 1]
    assert f"EXPOSE {published.rpartition(':')[2]}" in file
    assert "USER 65534" in file


def _sudo(words: list[str], at: Setting) -> None:
    if words[0] != "-u":
        _as_root(words)
        return
    option, user, program, *rest = words
    assert (option, user) == ("-u", "smtps")
    COMMANDS[program](rest, at)


def _curl(words: list[str], at: Setting) -> None:
    answer = curl(words, at.service, at.folder)
    assert answer.is_success, answer.text
    if "-i" in words:
        assert answer.status_code == 202
        assert answer.json()["id"] in answer.headers["location"]


def _pip(words: list[str], at: Setting) -> None:
    verb, place = words
    assert verb == "install"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = re.fullmatch(r"\.(?:\[([\w,]+)\])?", place)
    assert extras, place
    asked = set(extras[1].split(",")) if extras[1] else set()
    assert asked <= set(project["optional-dependencies"])


def _systemctl(words: list[str], at: Setting) -> None:
    verb, unit = words
    assert verb in ("start", "stop", "restart")
    assert (ROOT / "deploy" / f"{unit}.service").exists()


def _script(name: str) -> Callable[[list[str], Setting], None]:
    def there(words: list[str], at: Setting) -> None:
        assert (ROOT / name).stat().st_mode & 0o100

    return there


COMMANDS: dict[str, Callable[[list[str], Setting], None]] = {
    "smtps": _smtps, "curl": _curl, "pip": _pip, "systemctl": _systemctl,
    "sudo": _sudo, "docker": _docker,
    "scripts/demo": _script("scripts/demo"), "scripts/test": _script("scripts/test"),
}  # fmt: skip


def a_template(block: Block, at: Setting) -> None:
    """A message with placeholders."""
    file = at.folder / "template.j2"
    file.write_text(block.text)
    values = {"name": "Bob", "email": "bob@example.org", "number": 17}
    message = smtps.Template.from_file(file).fill(values)
    assert message.to == (smtps.NameAddr("bob@example.org", "Bob"),)
    assert message.subject == "Your invoice 17"


def a_unit(block: Block, at: Setting) -> None:
    """A part of a systemd unit: its command is one that the shell knows."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(block.text)
    for key, line in parser["Service"].items():
        assert key == "execstartpre"
        program, *words = line.split()
        assert Path(program).name == "smtps"
        assert build_parser().parse_args(words).check_config


def lines_of_the_log(block: Block, at: Setting) -> None:
    """Each line is one that the source can write."""
    source = (ROOT / "src/smtps/outbox/shutdown.py").read_text(encoding="utf-8")
    formats = [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "%" in node.value
    ]
    patterns = [
        re.sub("%[dgs]", lambda kind: {"%d": r"\d+", "%g": r"[\d.]+"}.get(kind[0], ".+"), each)
        for each in map(re.escape, formats)
    ]
    for line in block.text.splitlines():
        assert any(re.fullmatch(pattern, line) for pattern in patterns), line


def a_proxy(block: Block, at: Setting) -> None:
    """A server of nginx: a request through it reaches the service, over TLS."""
    (port,) = free_ports(1)
    forwarded = next(each.text for each in BLOCKS if "X-Forwarded-For" in each.text)
    here = block.text if "server {" in block.text else _proxy_block().text
    for old, new in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl; ssl_certificate {at.pki.good.pem};"
        f" ssl_certificate_key {at.pki.good.pem};",
        "http://127.0.0.1:8465": at.service.url,
        "proxy_buffering off;": f"proxy_buffering off; {forwarded}",
    }.items():
        assert old in here
        here = here.replace(old, new)
    (at.folder / "nginx.conf").write_text(
        f"daemon off; pid {at.folder}/pid; error_log {at.folder}/log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {at.folder}/body;"
        f" proxy_temp_path {at.folder}/proxy; fastcgi_temp_path {at.folder}/f;"
        f" uwsgi_temp_path {at.folder}/u; scgi_temp_path {at.folder}/s;\n{here}\n}}\n"
    )
    command = ["/usr/sbin/nginx", "-p", str(at.folder), "-c", str(at.folder / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    with subprocess.Popen(command) as nginx:
        try:
            transport = httpx.HTTPTransport(verify=_unverified(), retries=5)
            with httpx.Client(transport=transport) as client:
                url = f"https://127.0.0.1:{port}/api/smtps/ports"
                answer = client.get(url, headers={"Host": PROXIED})
            assert answer.is_success, answer.text
        finally:
            nginx.terminate()


def _proxy_block() -> Block:
    return next(block for block in BLOCKS if block.language == "nginx")


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def scrapes(block: Block, at: Setting) -> None:
    """Prometheus's settings: each request that it would make is answered with metrics."""
    for job in yaml.safe_load(block.text)["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            labels = {"__address__": target}
            for rule in job.get("relabel_configs", ()):
                source = ";".join(labels[name] for name in rule.get("source_labels", ()))
                labels[rule["target_label"]] = rule.get("replacement", source)
            assert labels["__address__"] == "127.0.0.1:8465"
            query = {name: values[0] for name, values in job.get("params", {}).items()}
            query |= {"target": f"{at.service.host}:{at.service.port}"} if query else {}
            path = job.get("metrics_path", "/metrics")
            answer = httpx.get(at.service.url + path, params=query, timeout=60)
            assert answer.is_success, answer.text
            assert "# HELP" in answer.text
            if query:
                assert labels["__param_target"] == labels["instance"] == target


def the_plan(block: Block, at: Setting) -> None:
    """The picture of the floors, as it is drawn from the imports."""
    text = (ROOT / block.file).read_text(encoding="utf-8")
    assert block.text in house.drawn(text)


def an_object(block: Block, at: Setting) -> None:
    """JSON: a request whose fields the description knows, or a response that it allows."""
    json.loads(block.text)
    raise AssertionError("say in this function what this JSON is checked against")


Home = Callable[[Block, Setting], None]

HOMES: list[tuple[str, str, Home]] = [
    ("python", r"", a_program),
    ("toml", r"", settings),
    ("yaml", r"scrape_configs:", scrapes),
    ("nginx", r"server \{", a_proxy),
    ("json", r"", an_object),
    ("", r"proxy_set_header ", a_proxy),
    ("", r"\$ smtps check .*\n\n", a_transcript),
    ("", r"\$ smtps check --account .*\n✗", a_token),
    ("", r"\$ smtps login ", a_session),
    ("", r"works TLS", an_output),
    ("", r"\[Service\]", a_unit),
    ("", r"stopping: ", lines_of_the_log),
    ("", r"From: ", a_template),
    ("", r"── the program", the_plan),
    ("", r"(?:smtps|curl|pip|sudo|docker) |scripts/", some_commands),
    ("console", r"\$ ", some_commands),
]
"""Language of a block, how it begins, and what becomes of it."""


def home(block: Block) -> Home | None:
    """What a block is run by."""
    return next(
        (run for language, begin, run in HOMES
         if language == block.language and re.match(begin, block.text)),
        None,
    )  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_does_what_it_says(block: Block, setting: Setting) -> None:
    run = home(block)
    assert run is not None, f"nothing runs this block:\n{block.text}"
    run(block, setting)


def test_each_home_has_a_block() -> None:
    used = {home(block) for block in BLOCKS}
    assert {run for _, _, run in HOMES} - used <= {an_object}
    assert len(BLOCKS) > 40


def test_blocks_are_found_with_their_lines() -> None:
    text = "# x\n\n```sh\na\n\n  b\n```\n\nwords\n\n    c\n\n    d\n\n- item\n"
    assert blocks("x.md", text) == [
        Block("x.md", 3, "sh", "a\n\n  b\n"),
        Block("x.md", 11, "", "c\n\nd\n"),
    ]
    assert home(blocks("x.md", text)[0]) is None


def test_commands_go_on_after_a_backslash_and_inside_quotation_marks() -> None:
    text = "$ a 'b\nc' # d\ne \\\n    f\n"
    assert list(commands(text)) == [["a", "b\nc"], ["e", "f"]]


def test_a_wrong_example_fails(setting: Setting) -> None:
    for language, text in [
        ("", "smtps check --nonsense\n"),
        ("", "curl 'http://127.0.0.1:8465/api/smtps/connect?hots=smtp.example.com'\n"),
        ("", "pip install '.[nonsense]'\n"),
        ("toml", "nonsense = 1\n"),
        ("python", 'result = await smtps.send(message, "smtp.example.com", nonsense=1)\n'),
        ("", "stopping: nonsense\n"),
    ]:
        block = Block("x.md", 1, language, text)
        run = home(block)
        assert run is not None
        with pytest.raises((AssertionError, SystemExit, TypeError, smtps.InputError)):
            run(block, setting)
