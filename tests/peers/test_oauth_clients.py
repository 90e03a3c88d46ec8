"""Other programs' OAuth 2 against the sandbox, as they are: msal, google-auth, nodemailer and the
email OAuth 2.0 proxy log in, and a message of theirs is in the inbox.
"""

from __future__ import annotations

import configparser
import json
import os
import smtplib
import ssl
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import google.auth.transport.requests
import google.oauth2.credentials
import google.oauth2.service_account
import msal  # type: ignore[import-untyped]
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from tests.conftest import StartSandbox
from tests.issuer import person
from tests.peers.node_servers import SOURCES, NodeServer
from tests.peers.server import fetched, free_ports

from smtps.sandbox.issuer.issuing import Issuing
from smtps.sandbox.issuer.jws import base64url
from smtps.sandbox.server import Sandbox

_SERVICE: Any = google.oauth2.service_account.Credentials
_PERSON: Any = google.oauth2.credentials.Credentials
APP = ["https://outlook.office365.com/.default"]
MAIL = ["https://outlook.office.com/SMTP.Send"]


Start = Callable[[Any], Sandbox]


@pytest.fixture
def start(start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a sandbox in a form, whose authority the package requests trusts."""

    def run(oauth: Any) -> Sandbox:
        box = start_sandbox(oauth=oauth)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(box.ca_file))
        return box

    return run


def letter(box: Sandbox) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = box.username, "bob@example.test", "Hello"
    message.set_content("It works")
    return message


def send(box: Sandbox, token: str) -> None:
    """Send by smtplib with XOAUTH2, and see the message in the inbox."""
    context = ssl.create_default_context(cafile=str(box.ca_file))
    with smtplib.SMTP_SSL(box.host, box.port, context=context, timeout=20) as client:
        client.ehlo()
        said = f"user={box.username}\x01auth=Bearer {token}\x01\x01"
        client.auth("XOAUTH2", lambda challenge=None: said if challenge is None else "")
        client.send_message(letter(box))
    assert box.inbox.all()[-1].sender == box.username


def authority(box: Sandbox) -> dict[str, Any]:
    """How msal is told of the sandbox: an authority of one's own."""
    base = box.oauth.token_endpoint.removesuffix("/oauth2/v2.0/token")
    return {"authority": base, "instance_discovery": False}


def program(box: Sandbox, credential: Any) -> Any:
    return msal.ConfidentialClientApplication(
        box.oauth.client_id, client_credential=credential, **authority(box)
    )


def test_msal_as_a_program_with_a_secret_and_with_a_certificate(
    start: Start,
) -> None:
    box = start("microsoft")
    pem = box.oauth.key_file.read_bytes()
    thumbprint = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA1()).hex()
    key = {"private_key": pem.decode(), "thumbprint": thumbprint}
    for credential in (box.oauth.client_secret, key):
        found = program(box, credential).acquire_token_for_client(APP)
        assert "access_token" in found, found
        send(box, found["access_token"])
    assert len(box.inbox) == 2
    refused = program(box, "wrong").acquire_token_for_client(APP)
    assert refused["error_codes"] == [7000215]


def test_msal_as_a_person_by_browser_with_a_refresh(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = start(Issuing(form="microsoft", life=5))
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    monkeypatch.setenv("BROWSER", str(person.browser(box, tmp_path)))
    client = msal.PublicClientApplication(box.oauth.client_id, **authority(box))
    found = client.acquire_token_interactive(MAIL, login_hint=box.username, timeout=30)
    assert "access_token" in found, found
    send(box, found["access_token"])
    (account,) = client.get_accounts()
    assert account["username"] == box.username
    renewed = client.acquire_token_silent(MAIL, account, force_refresh=True)
    send(box, renewed["access_token"])
    assert [asked.stage for asked in box.oauth.requests if asked.stage in ("code", "refresh")] == [
        "code", "refresh",
    ]  # fmt: skip


def test_msal_as_a_person_by_a_device_code(start: Start) -> None:
    box = start(Issuing(form="microsoft", interval=1))
    client = msal.PublicClientApplication(box.oauth.client_id, **authority(box))
    flow = client.initiate_device_flow(MAIL)
    person.enter_code(box, flow["verification_uri"], flow["user_code"])
    found = client.acquire_token_by_device_flow(flow)
    assert "access_token" in found, found
    send(box, found["access_token"])


def google_request() -> Any:
    return google.auth.transport.requests.Request(requests.Session())


def test_google_auth_as_a_service_account(start: Start) -> None:
    box = start("google")
    credentials: Any = _SERVICE.from_service_account_file(
        str(box.oauth.service_account_file), scopes=[box.oauth.scope], subject=box.username
    )
    credentials.refresh(google_request())
    send(box, credentials.token)
    (asked,) = box.oauth.requests
    assert (asked.stage, asked.status) == ("assertion", 200)


def refresh_token(box: Sandbox) -> str:
    """Of a login by hand."""
    verifier = "v" * 43
    challenge = base64url(sha256(verifier.encode()).digest())
    query = (
        f"?response_type=code&client_id={box.oauth.client_id}&redirect_uri=http://127.0.0.1:1"
        f"&scope={box.oauth.scope}%20offline_access&access_type=offline"
        f"&code_challenge_method=S256&code_challenge={challenge}"
    )
    where = person.log_in(box, box.oauth.authorization_endpoint + query)
    code = where.partition("code=")[2].partition("&")[0]
    _, text, _ = person.get(
        box, box.oauth.token_endpoint, {
            "grant_type": "authorization_code", "code": unquote(code),
            "redirect_uri": "http://127.0.0.1:1", "code_verifier": verifier,
            "client_id": box.oauth.client_id, "client_secret": box.oauth.client_secret,
        },
    )  # fmt: skip
    return str(json.loads(text)["refresh_token"])


def test_google_auth_as_a_person(start: Start) -> None:
    box = start("google")
    credentials: Any = _PERSON(
        None, refresh_token=refresh_token(box), token_uri=box.oauth.token_endpoint,
        client_id=box.oauth.client_id, client_secret=box.oauth.client_secret,
        scopes=[box.oauth.scope],
    )  # fmt: skip
    credentials.refresh(google_request())
    send(box, credentials.token)
    box.oauth.revoke(credentials.refresh_token)
    with pytest.raises(google.auth.exceptions.RefreshError, match="expired or revoked"):
        credentials.refresh(google_request())


@pytest.mark.parametrize("form", ["open", "microsoft", "google", "service account"])
def test_nodemailer(form: Any, start: Start) -> None:
    box = start("google" if form == "service account" else form)
    auth: dict[str, Any] = {"type": "OAuth2", "user": box.username,
                            "accessUrl": box.oauth.token_endpoint}  # fmt: skip
    if form == "service account":
        found = json.loads(box.oauth.service_account_file.read_text())
        auth |= {"serviceClient": found["client_email"], "privateKey": found["private_key"]}
    else:
        auth |= {"clientId": box.oauth.client_id, "clientSecret": box.oauth.client_secret,
                 "refreshToken": refresh_token(box)}  # fmt: skip
    options = {"host": box.host, "port": box.port, "secure": True, "auth": auth,
               "from": box.username, "to": "bob@example.test"}  # fmt: skip
    node = NodeServer.node.fget(None)  # type: ignore[attr-defined]
    done = subprocess.run(
        [str(node), str(SOURCES / "send_with_token.js"), json.dumps(options)],
        env={**os.environ, "NODE_PATH": str(fetched("node/node_modules")),
             "NODE_EXTRA_CA_CERTS": str(box.ca_file)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (kept,) = box.inbox.all()
    assert kept.summary()["subject"] == "Hello from nodemailer"


@contextmanager
def proxy(box: Sandbox, folder: Path, account: dict[str, str]) -> Iterator[int]:
    """The email OAuth 2.0 proxy before the sandbox; gives its port.

    A person who has no screen visits the pages that it asks for.
    """
    (port,) = free_ports(1)
    config = configparser.RawConfigParser()
    config[f"SMTP-{port}"] = {
        "local_address": "127.0.0.1", "server_address": box.host, "server_port": str(box.port),
        "server_starttls": "False",
    }  # fmt: skip
    config[box.username] = {
        "token_url": box.oauth.token_endpoint, "client_id": box.oauth.client_id,
        "client_secret": box.oauth.client_secret, **account,
    }  # fmt: skip
    with (folder / "emailproxy.config").open("w") as file:
        config.write(file)
    command = [
        sys.executable, "-m", "emailproxy", "--no-gui", "--local-server-auth", "--config-file",
        str(folder / "emailproxy.config"),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "SSL_CERT_FILE": str(box.ca_file),
        "PYTHONUNBUFFERED": "1",
    }
    said: list[str] = []
    ready = threading.Event()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        cwd=folder,
    ) as process:  # fmt: skip

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if "Initialised" in line:
                    ready.set()
                if "Please visit" in line:
                    page = line.split()[-1]
                    subprocess.run([str(person.browser(box, folder)), page], check=False)

        reading = threading.Thread(target=read)
        reading.start()
        try:
            assert ready.wait(30), said
            yield port
        except BaseException:
            print("".join(said))
            raise
        finally:
            process.terminate()
            reading.join()


@pytest.mark.parametrize("form", ["open", "microsoft", "google", "program", "service account"])
def test_the_email_oauth_2_proxy(form: str, start: Start, tmp_path: Path) -> None:
    shape = {"program": "microsoft", "service account": "google"}.get(form, form)
    box = start(shape)
    (home,) = free_ports(1)
    account = {
        "permission_url": box.oauth.authorization_endpoint,
        "oauth2_scope": box.oauth.scope + (" offline_access" if form != "google" else ""),
        "redirect_uri": f"http://localhost:{home}", "use_pkce": "True",
    }  # fmt: skip
    if form == "program":
        account = {"oauth2_flow": "client_credentials", "oauth2_scope": APP[0],
                   "redirect_uri": "http://localhost"}  # fmt: skip
    elif form == "service account":
        account = {"oauth2_flow": "service_account", "oauth2_scope": box.oauth.scope,
                   "redirect_uri": "http://localhost", "client_id": "file",
                   "client_secret": str(box.oauth.service_account_file)}  # fmt: skip
    with (
        proxy(box, tmp_path, account) as port,
        smtplib.SMTP("127.0.0.1", port, timeout=60) as client,
    ):
        client.login(box.username, "a password of the proxy's own")
        client.send_message(letter(box))
    (kept,) = box.inbox.all()
    assert kept.summary()["subject"] == "Hello"
