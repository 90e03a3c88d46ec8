"""``kill -9`` of processes that share a login, while its refresh tokens rotate.

    python -m benchmarks.oauth_crash --kills 200
    python -m benchmarks.oauth_crash --kills 200 --postgres

The harness is that of ``tests/oauth/test_crash.py``. The figures go into ``oauth_crash.md``,
or ``oauth_crash_postgres.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from tests.net.pki import PKI
from tests.oauth.crash import Outcome, run
from tests.oauth.crash_worker import KEY
from tests.outbox.database import Server

PAGES = Path(__file__).parent
FILES = """\
# kill -9 while a login is renewed

`python -m benchmarks.oauth_crash --kills N --life SECONDS --workers N`

"""
ROWS = """\
# kill -9 while a login in PostgreSQL is renewed

`python -m benchmarks.oauth_crash --postgres --kills N --life SECONDS --workers N`

The login is an encrypted row. A worker that is killed while it renews the login leaves a lease that
another one takes over when it was silent for 15 seconds. Meanwhile there is no new token, and the
old one ends after three seconds: a real one has a fifth of its life left when it is renewed.

"""
HEAD = """\
Processes share one account whose access tokens live three seconds and whose refresh tokens rotate.
Each asks for a token without a pause. One after the other is killed and started again at once,
every other time while a request is at the server, else at a random moment. The server thinks up to
0.1 seconds before it renews a login and again before it says so. Once it takes a refresh token
again until one that was given for it is used; once the reuse of a refresh token ends the login, as
RFC 9700 section 4.14.2 recommends.

Wanted: with the first server no login is lost. With the second a login may be lost only where a
kill fell between request and answer, and each loss is named: `oauth.refresh_interrupted`. "Other
errors" counts every other failure of a worker, "strange" tokens that the server never gave.

| server | kills | while renewing | renewals | tokens | lost | named | other errors | strange |
|---|---|---|---|---|---|---|---|---|
"""


def row(name: str, found: Outcome) -> str:
    named = found.errors["oauth.refresh_interrupted"]
    cells = (
        name, found.kills, found.mid_renewal, found.renewals, found.tokens, found.lost,
        found.lost - found.unnamed, sum(found.errors.values()) - named, found.strange,
    )  # fmt: skip
    return "| " + " | ".join(f"{c:,}" if isinstance(c, int) else str(c) for c in cells) + " |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--life", type=float, default=3.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="keep the login in PostgreSQL")
    options = parser.parse_args()
    with Server() if options.postgres else nullcontext() as server:
        if server is not None:
            os.environ[KEY] = base64.b64encode(os.urandom(32)).decode()
        text, begun = (ROWS if server else FILES) + HEAD, time.time()
        for name, grace in (("takes the last one again", True), ("ends the login on reuse", False)):
            with tempfile.TemporaryDirectory() as folder:
                place = None if server is None else server.database()
                found = asyncio.run(
                    run(Path(folder), PKI(Path(folder)), kills=options.kills, life=options.life,
                        grace=grace, workers=options.workers, seed=options.seed, place=place)
                )  # fmt: skip
            print(row(name, found), found.errors)
            text += row(name, found)
    text += (
        f"\n{options.workers} processes, tokens that live {options.life:g} seconds, seed "
        f"{options.seed}; {time.time() - begun:.0f} seconds. {time.strftime('%Y-%m-%d')}.\n"
    )
    page = "oauth_crash_postgres.md" if options.postgres else "oauth_crash.md"
    (PAGES / page).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
