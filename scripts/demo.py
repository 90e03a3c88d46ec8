"""The demonstration: what scripts/demo runs once everything is set up."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

SMTPS = str(Path(sys.executable).with_name("smtps"))


def main() -> int:
    """Run the demonstration."""
    command = [SMTPS, "serve", "--sandbox", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            ready = json.loads(service.stdout.readline())
            title("The service is up, with a mail server to try it on")
            print(f"service  {ready['url']}")
            print(f"sandbox  {ready['sandbox']['host']}:{ready['sandbox']['port']}")
            by_http(ready["url"], ready["sandbox"])
            code = by_shell(ready["sandbox"])
            what_arrived(ready["url"])
            if code == 0 and sys.stdin.isatty() and sys.stdout.isatty():
                stay(ready["url"])
        except KeyboardInterrupt:
            code = 0
        finally:
            service.terminate()
    return code or service.returncode


def by_http(url: str, box: dict[str, Any]) -> None:
    """The seed's two requests."""
    account = {key: box[key] for key in ("host", "port", "username", "password")}
    title("By HTTP: does the server work, and does the login?")
    request(f"{url}/api/smtps/connect", {**account, "timeout": 15000})
    title("By HTTP: send")
    request(
        f"{url}/api/smtps/send",
        {
            **account,
            "from": box["username"],
            "to": "recipient@example.com",
            "subject": "Grüße ✓ Привет",
            "body": "Hello from Port of Call!",
            "timeout": 30000,
        },
    )


def by_shell(box: dict[str, Any]) -> int:
    """The same from the shell, with an attachment."""
    where = [f"{box['host']}:{box['port']}"]
    login = ["--ca-file", box["ca_file"], "--username", box["username"], "--password-env", "PW"]
    environment = {**os.environ, "PW": box["password"]}
    title("From the shell: check")
    code = shell(["smtps", "check", *where, *login], environment)
    title("From the shell: send, with an attachment")
    with tempfile.TemporaryDirectory() as directory:
        picture = Path(directory) / "dot.gif"
        picture.write_bytes(
            bytes.fromhex("474946383961010001008000000000ffffff2c00000000010001000002024401003b")
        )
        message = [
            "--from",
            f"Ann Müller <{box['username']}>",
            "--to",
            "bob@example.org",
            "--subject",
            "A picture",
            "--body",
            "See below.",
            "--attach",
            str(picture),
        ]
        return code or shell(["smtps", "send", "--host", *where, *login, *message], environment)


def what_arrived(url: str) -> None:
    """The sandbox's inbox."""
    title("What arrived")
    for entry in fetch(f"{url}/api/sandbox/messages")["messages"]:
        message = fetch(f"{url}/api/sandbox/messages/{entry['id']}")
        print(f"{entry['id']}  {entry['from']} → {', '.join(entry['to'])}")
        print(f"   subject      {entry['subject']}")
        print(f"   text         {message['text'].strip()}")
        for file in message["attachments"]:
            print(
                f"   attachment   {file['filename']}, {file['content_type']}, {file['size']} octets"
            )


def stay(url: str) -> None:
    """Leave the service up for whoever wants to play on."""
    title("The service stays up until Ctrl-C")
    print(f"page   {url}")
    print(f"curl   curl {url}/smtps/smtp.gmail.com")
    print(f"docs   {url}/docs")
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        print()


def title(text: str) -> None:
    """A heading."""
    print(f"\n── {text} ".ljust(80, "─"), flush=True)


def request(url: str, body: dict[str, Any]) -> None:
    """POST, and show both sides."""
    shown = json.dumps({**body, "password": "…"}, ensure_ascii=False)
    print(f"POST {url.partition('/api')[1]}{url.partition('/api')[2]}  {shown}\n")
    print(json.dumps(fetch(url, body), indent=2, ensure_ascii=False))


def fetch(url: str, body: dict[str, Any] | None = None) -> Any:
    """GET, or POST a body; JSON both ways."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    call = urllib.request.Request(url, data, headers)  # noqa: S310  # our own service
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(call, timeout=30) as answer:
        return json.load(answer)


def shell(command: list[str], environment: dict[str, str]) -> int:
    """Run and show a command."""
    print(f"$ {shlex.join(command)}\n", flush=True)
    done = subprocess.run([SMTPS, *command[1:]], env=environment, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
