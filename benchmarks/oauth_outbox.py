"""Messages through the outbox while access tokens come and go.

    python -m benchmarks.oauth_outbox --messages 10000 --life 1

The harness is that of ``tests/outbox/test_token_lives.py``. The figures go into
``oauth_outbox.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tests.net.pki import PKI
from tests.outbox.token_lives import A_SESSION, run

PAGE = Path(__file__).with_suffix(".md")
TEXT = """\
# The outbox over many lives of access tokens

`python -m benchmarks.oauth_outbox --messages N --life SECONDS --rate N`

The mail server takes a token only while it lives, and refuses the login with 535 afterwards. Each
session is replaced after {a_session} messages, so that logins fall into all moments of a life.

Wanted: every message is sent once, and the account never waits.

| messages | sent | twice | waits | token lives | logins | refused at first | seconds |
|---|---|---|---|---|---|---|---|
| {messages:,} | {sent:,} | {twice:,} | {stops} | {lives} | {logins:,} | {refused} | {seconds:.0f} |

Tokens live {life:g} seconds, {rate:g} messages a second; a refused login is repeated at once with a
new token. {date}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--life", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=180.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(
            run(Path(folder), PKI(Path(folder)), messages=options.messages, life=options.life,
                rate=options.rate)
        )  # fmt: skip
    text = TEXT.format(
        **vars(found), a_session=A_SESSION, life=options.life, rate=options.rate,
        date=time.strftime("%Y-%m-%d"),
    )  # fmt: skip
    print(text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
