"""Processes that share a login are killed while they renew it: a few times here, and by
``benchmarks/oauth_crash.py`` as often as one likes.
"""

from __future__ import annotations

from pathlib import Path

from tests.net.pki import PKI
from tests.oauth.crash import run


async def test_with_a_server_that_takes_the_last_refresh_token_again_no_login_is_lost(
    tmp_path: Path, pki: PKI
) -> None:
    found = await run(tmp_path, pki, kills=12, life=0.4, grace=True)
    assert found.lost == 0
    assert found.errors == {}
    assert found.renewals > 3
    assert found.tokens > 20
    assert found.strange == 0
    assert set(found.left) <= {".shared.json.new"}


async def test_with_a_server_that_ends_the_login_on_reuse_each_loss_is_named(
    tmp_path: Path, pki: PKI
) -> None:
    found = await run(tmp_path, pki, kills=12, life=0.4, grace=False)
    assert set(found.errors) <= {"oauth.refresh_interrupted"}
    assert found.lost <= found.kills
    assert found.unnamed == 0
    assert found.tokens > 20
    assert found.strange == 0
