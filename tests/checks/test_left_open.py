"""What a verdict says of failures that tell nothing of the server, or that waiting cannot mend."""

from __future__ import annotations

from typing import Any

import pytest
from tests.checks.made import a_report, failing
from tests.checks.test_rules import an_address, asked, facts

from smtps.checks.report import Report
from smtps.checks.suspects import Case, second_looks
from smtps.core.reply import Reply
from smtps.errors import Failure, Phase


def gone(code: str, address: str = "192.0.2.1", **details: Any) -> Any:
    failure = Failure(
        code=code, message="No.", phase=details.pop("phase", Phase.TCP), address=address, **details
    )
    return an_address(address=address, tls=None, chain=(), failure=failure)


def verdict(*addresses: Any, **changed: Any) -> str:
    return Report.of(facts(*addresses, **changed)).verdict.value


@pytest.mark.parametrize("code", ["net.unreachable", "net.blocked_here", "net.out_of_sockets"])
def test_what_fails_on_this_side_leaves_the_server_open(code: str) -> None:
    assert verdict(gone(code)) == "unknown"


def test_a_port_that_this_network_blocks_leaves_the_server_open() -> None:
    silent = gone("net.timeout")
    assert verdict(silent) == "fails"
    assert verdict(silent, control="answers") == "fails"
    assert verdict(silent, control="silent") == "unknown"


def test_the_address_that_tells_something_decides() -> None:
    lacking = gone("net.unreachable", "2001:db8::1")
    assert verdict(lacking, gone("net.refused")) == "fails"
    busy = gone("smtp.come_back", phase=Phase.GREETING, retryable=True, smtp_code=421)
    assert verdict(lacking, busy) == "later"


def test_without_ipv6_the_fix_says_what_can_be_done() -> None:
    (found,) = Report.of(facts(gone("net.unreachable", "2001:db8::1"))).findings
    assert "A record" in found.fix
    assert "use IPv4" not in found.fix
    both = Report.of(facts(gone("net.unreachable", "2001:db8::1"), gone("net.refused")))
    assert not any("A record" in each.fix for each in both.findings)


def test_a_refusal_that_waiting_cannot_mend_is_no_request_to_wait() -> None:
    code = "smtp.reverse_name_missing"
    change = failing(code, Phase.GREETING, retryable=True, smtp_code=450)
    assert a_report(change).verdict == "fails"
    no_name = Reply(450, ("4.7.1 Client host rejected: cannot find your reverse hostname",))
    seen = an_address(asked=asked(Reply(250, ("Ok",)), no_name))
    assert verdict(seen) == "fails"


@pytest.mark.parametrize("phase", [Phase.TLS, Phase.GREETING])
def test_words_about_a_proxy_are_followed_up_before_tls_and_inside_it(phase: Phase) -> None:
    lines = ("4.3.0 mail.example.com Server local error",)
    failure = Failure(
        code="smtp.server_error", message="No.", phase=phase, smtp_code=421, lines=lines
    )
    looks = second_looks(Case(failure, an_address(), "implicit", "mail.example.com"))
    assert looks[0] == "proxy"
