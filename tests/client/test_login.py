"""Logins against servers that cannot prove themselves, cannot do what they offer, or mishear."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from scramp import ScramMechanism
from tests.client.farm import farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps

LOGIN = {"username": "ann", "password": "secret"}
SCRAM = "SCRAM-SHA-256"
NBSP = "\u00a0"


class Guarded(Strict):
    """Takes SCRAM as ``how`` says, and refuses whatever else it is asked to take."""

    def __init__(self, how: str, offers: str = SCRAM, password: str = "secret") -> None:
        super().__init__(offers=("HELP", f"AUTH {offers}"))
        self.how = how
        mechanism = ScramMechanism(SCRAM)
        secrets = mechanism.make_auth_info(password)
        self.scram: Any = mechanism.make_server(lambda _: secrets)
        self.step = 0
        self.mechanisms: list[str] = []

    def _command(self, line: str) -> None:
        words = line.split()
        if words[:1] == ["AUTH"]:
            self.mechanisms.append(words[1])
            if words[1] == SCRAM:
                self.step = 1
                self.scram.set_client_first(base64.b64decode(words[2]).decode())
                first = self.scram.get_server_first()
                self._challenge("nonsense" if self.how == "garbage first" else first)
            else:
                self._say("535 5.7.8 no")
        elif self.step == 1:
            self._proof(line)
        elif self.step == 2:
            self.step = 0
            self._say("501 cancelled" if line == "*" else self.last)
        else:
            super()._command(line)

    def _proof(self, line: str) -> None:
        self.step, self.last = 2, "235 2.7.0 welcome"
        if line == "*":
            self.step = 0
            self._say("501 cancelled")
        elif self.how == "no proof":
            self.step = 0
            self._say(self.last)
        elif self.how == "wrong proof":
            self._challenge("v=" + base64.b64encode(b"x" * 32).decode())
        elif self.how == "garbage":
            self._challenge("welcome!")
        elif self.how == "error":
            self.last = "535 5.7.8 wrong"
            self._challenge("e=invalid-proof")
        elif self.how == "refused":
            self.step = 0
            self._say("535 5.7.8 wrong")
        else:
            self.scram.set_client_final(base64.b64decode(line).decode())
            self._challenge(self.scram.get_server_final())

    def _challenge(self, text: str) -> None:
        self._say(f"334 {base64.b64encode(text.encode()).decode()}")


async def test_a_server_that_proves_itself(pki: PKI) -> None:
    async with (
        farm(pki, lambda _: Guarded("right")) as servers,
        smtps.connect(servers.endpoint(**LOGIN)) as session,
    ):
        assert session.mechanism == SCRAM


@pytest.mark.parametrize("how", ["no proof", "wrong proof", "garbage", "garbage first"])
async def test_a_server_that_cannot_is_no_wrong_password(pki: PKI, how: str) -> None:
    async with farm(pki, lambda _: Guarded(how, f"{SCRAM} PLAIN")) as servers:
        with pytest.raises(smtps.LoginError) as caught:
            async with smtps.connect(servers.endpoint(**LOGIN)):
                pass
        assert caught.value.code == "auth.server_not_proven"
        report = await smtps.check(servers.endpoint(**LOGIN))
        assert [f.code for f in report.findings if f.code.startswith("auth.")] == [
            "auth.server_not_proven"
        ]
        for server in servers.servers:
            assert server.mechanisms == [SCRAM], "the password went to it"  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["error", "refused"])
async def test_a_proof_that_the_server_refuses_is_a_wrong_password(pki: PKI, how: str) -> None:
    async with farm(pki, lambda _: Guarded(how, f"{SCRAM} PLAIN")) as servers:
        with pytest.raises(smtps.LoginError) as caught:
            async with smtps.connect(servers.endpoint(**LOGIN)):
                pass
        assert caught.value.code == "auth.rejected"
        assert "PLAIN is offered too" in str(caught.value)
        report = await smtps.check(servers.endpoint(**LOGIN))
        codes = [finding.code for finding in report.findings]
        assert "auth.another_mechanism" in codes
        for server in servers.servers:
            assert server.mechanisms == [SCRAM], "a second try"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ({"username": "ann", "password": f"ab{NBSP}cd"}, "the password contains a no-break space"),
        ({"username": "ann", "password": "ab\u200bcd"}, "zero width space (U+200B)"),
        (
            {"username": "ann\ufeff", "password": "abcd"},
            "the user name contains a zero width no-break",
        ),
        ({"username": "ann", "password": " abcd"}, "space at its beginning or end"),
        ({"username": "ann", "password": "abcd\t"}, "control character (U+0009)"),
    ],
)
async def test_what_nobody_sees_is_named_and_nothing_else(
    pki: PKI, credentials: dict[str, str], said: str
) -> None:
    async with farm(pki, lambda _: Guarded("refused", "PLAIN")) as servers:
        with pytest.raises(smtps.LoginError) as caught:
            async with smtps.connect(servers.endpoint(**credentials)):
                pass
        report = await smtps.check(servers.endpoint(**credentials))
    assert said in str(caught.value)
    assert credentials["password"] not in str(caught.value)
    (found,) = [f for f in report.findings if f.code == "auth.unseen_characters"]
    assert said in found.seen
    assert "auth.non_ascii_password" not in [f.code for f in report.findings]


async def test_usual_spaces_and_letters_are_not_suspected(pki: PKI) -> None:
    async with farm(pki, lambda _: Guarded("refused", "PLAIN")) as servers:
        report = await smtps.check(servers.endpoint(username="ann", password="abcd efgh ijkl mnop"))
        other = await smtps.check(servers.endpoint(username="ann", password="müller"))
    assert "auth.unseen_characters" not in [f.code for f in report.findings]
    assert "auth.non_ascii_password" in [f.code for f in other.findings]
