"""Exim, sendmail, Haraka and nodemailer's smtp-server with their defaults, logged in and not."""

from __future__ import annotations

from functools import partial

from tests.field.lab import HOST, Lab
from tests.field.network import MAIL
from tests.field.servers import peer
from tests.field.situation import HEALTHY, Group, Situation
from tests.peers.server import DOMAIN, Server

USER, PASSWORD = Server.username, Server.password
LOGIN = ("--username", USER, "--password-command", f"echo '{PASSWORD}'")
WRONG = ("--username", USER, "--password-command", "echo guessed")
NAMES = {"exim": "Exim", "sendmail": "sendmail", "haraka": "Haraka",
         "nodemailer": "nodemailer's smtp-server"}  # fmt: skip
REFUSED = {
    "exim": f"refused#1@{DOMAIN}", "sendmail": "nobody1@refused.example",
    "haraka": "user1@refused.example", "nodemailer": "user1@refused.example",
}  # fmt: skip
QUIRKS = ("smtp.ehlo_name_replaced", "smtp.nonstandard_replies")


def _run(lab: Lab, kind: str) -> None:
    names = (HOST, "localhost", "127.0.0.1")
    # Sendmail sends its own certificate alone, so it is one of the root's.
    files = lab.certificate(*names, issuer=lab.trust.root, behind=())
    peer(lab, kind, files, MAIL)


def _case(group: Group, kind: str, name: str, what: str, expert: str, **more: object) -> Situation:
    return Situation(
        group=group, name=f"{kind}-{name}", what=f"{NAMES[kind]} with its defaults, {what}",
        expert=expert, build=partial(_run, kind=kind), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _each(kind: str) -> tuple[Situation, ...]:
    asked = ("--mail-from", USER, "--rcpt-to")
    return (
        _case("login", kind, "right-password", "the right password", "nothing is wrong",
              options=LOGIN, verdicts=HEALTHY, also=QUIRKS),
        _case("login", kind, "right-password-587", "the right password on 587", "nothing is wrong",
              options=LOGIN, target=f"{HOST}:587", verdicts=HEALTHY,
              also=(*QUIRKS, "auth.offered_in_clear")),
        _case("login", kind, "wrong-password", "a wrong password", "user name or password is wrong",
              options=WRONG, causes=("auth.rejected",), also=QUIRKS, fix=("password",)),
        _case("envelope", kind, "refused-recipient", "a recipient that it refuses",
              "refused: its words tell why, or nobody knows",
              options=(*LOGIN, *asked, REFUSED[kind]), also=QUIRKS,
              causes=("send.recipient_unknown", "send.recipient_refused", "send.relaying_denied",
                      "send.recipient_malformed", "send.recipient_restricted"),
              never=("greylist",)),
    )  # fmt: skip


SITUATIONS = tuple(situation for kind in NAMES for situation in _each(kind))
