"""Processes that share a login and use it without a pause, until they are killed.

The store is a folder, or ``postgresql://…`` with the key in the environment. Started once with all
it needs loaded; each line on its standard input forks a worker, whose number
is printed. A worker writes ``token …`` or ``error …`` for each time that it asked, and goes on.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from smtps.errors import SMTPSError
from smtps.oauth.authority import Registration
from smtps.oauth.exchange import Exchange
from smtps.oauth.token_source import StoredTokens
from smtps.oauth.token_store import FileStore, TokenStore

ACCOUNT = "shared"
KEY = "LOGIN_KEY"
CLIENT, USER = "client-1", "ann@example.com"


def registration(token_endpoint: str, ca_file: str) -> Registration:
    """What the workers and the one who logs in have in common."""
    base = token_endpoint.removesuffix("/token")
    return Registration(
        grant="code", username=USER, client_id=CLIENT, scopes=("mail",), ca_file=ca_file,
        token_endpoint=token_endpoint, authorization_endpoint=f"{base}/authorize",
    )  # fmt: skip


def store_at(place: str) -> TokenStore:
    """What the workers share."""
    if "://" not in place:
        return FileStore(place)
    from smtps.outbox.login_keys import read_keys  # noqa: PLC0415
    from smtps.outbox.login_rows import LoginRows  # noqa: PLC0415

    lease = float(os.environ.get("LEASE", "15"))
    return LoginRows(place, read_keys(os.environ[KEY], KEY), lease=lease)


async def work(place: str, token_endpoint: str, ca_file: str, log: int) -> None:
    exchange = Exchange(registration(token_endpoint, ca_file))
    source = StoredTokens(ACCOUNT, exchange, store_at(place))
    while True:
        try:
            line = f"token {await source.token()}"
        except SMTPSError as error:
            line = f"error {error.code} {error}"
        os.write(log, f"{os.getpid()} {line}\n".encode())
        await asyncio.sleep(random.uniform(0.0, 0.03))


def main() -> None:
    place, token_endpoint, ca_file, log = sys.argv[1:]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    import httpcore2  # noqa: F401, PLC0415
    import oauthlib.oauth2  # noqa: F401, PLC0415

    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if "://" not in place:
        Path(place).mkdir(mode=0o700, exist_ok=True)
    else:
        import smtps.outbox.login_rows  # noqa: F401, PLC0415
    for _ in sys.stdin:
        if (pid := os.fork()) == 0:
            try:
                random.seed()
                asyncio.run(work(place, token_endpoint, ca_file, file))
            finally:
                os._exit(1)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
