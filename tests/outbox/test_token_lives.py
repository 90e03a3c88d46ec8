"""Mail goes on over several lives of an access token; ``benchmarks/oauth_outbox.py`` takes more."""

from __future__ import annotations

from pathlib import Path

from tests.net.pki import PKI
from tests.outbox.token_lives import run


async def test_no_message_is_refused_or_sent_twice_while_tokens_come_and_go(
    tmp_path: Path, pki: PKI
) -> None:
    found = await run(tmp_path, pki, messages=100, life=1.0, rate=1000, pause=0.01)
    assert found.sent == found.messages
    assert found.twice == 0
    assert found.stops == 0
    assert found.lives >= 2
    assert found.logins >= 5
