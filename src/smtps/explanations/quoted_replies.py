"""Replies of mail servers inside a text, each with the phase that the text suggests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from smtps.explanations.pasted import Pasted, pattern
from smtps.explanations.wordings import Evidence
from smtps.phase import Phase

KNOWN, UNNAMED, GUESSED, BARE = 0.92, 0.35, 0.75, 0.45
"""Weight of a cause that the reply names in its phase; of a code that says no more than the phase;
of a cause that another phase would give it; of one that words without a code have."""

_CODES = "(?!40[0134]|429|443|465|587)[45][0-9]{2}"
"""Not the ports of TLS, and not what only web servers say."""

_REPLY = (
    # Where a reply begins: at the start of a line, or behind what programs put before one.
    rf"(?:(?<![^\s'\"(\[<>:={{,;|#/`“„«])|(?<=b['\"]))(?P<code>{_CODES})"
    # How it goes on: an enhanced code, or a word of its own.
    r"(?P<rest>[ \t]?[-,:)]?[ \t]*(?:b?['\"])?[ \t]?"
    r"(?:\#?(?P<status>[245]\.[0-9]{1,2}\.[0-9]{1,3})\b|(?=[^\W\d_]|[<\[(*]))[^\n]*)"
)
_LEADS = (
    r"(?:\w*(?:said|error|exception|errno|code|reply|response|respon\w+|returned|replied|got|server|status|smtp"
    r"|antwort\w*|fehler|erreur|respuesta|resposta|msg|failed|rejected|reject|denied|fatal)\W*"
    r"|[^\w\s]\s*|^\s*)$"
)
"""What stands before a reply in the middle of a line; other words are followed by a number."""
_STATUS = r"(?<!dsn=)(?<![\w.])(?P<status>[45]\.[0-9]{1,2}\.[0-9]{1,3})(?![\w.])(?P<rest>[^\n]*)"
"""An enhanced code alone, as .NET and DSNs have it (RFC 3463)."""
_NO_REPLY = (
    r"(?:\bport|\bline|\bhttp/[0-9.]+|\bstatus(?: ?code)?|\bpid|\bbytes|\bhttps?|\bid"
    r")[ \t:=#\"']*$|\bresponded[ \t]+$"
)
"""Before such a number: it is something else."""
LONGEST = 600
"""Characters of a reply that are looked at."""

_SIGNS = (
    (Phase.AUTH, r"auth(?:entica|oriz|enti)|\bAUTH\b|login|credential|EAUTH|SASL|XOAUTH|password"),
    (Phase.RCPT, r"RCPT|recipient|SMTPAddressFailed|EENVELOPE|in reply to RCPT|destinat|Empfänger"),
    (Phase.MAIL, r"MAIL FROM|SenderRefused|SMTPSenderFailed|From address|return path|sender"),
    (Phase.FINAL, r"end of (?:DATA|message)|SMTPDataError|DATA (?:END|command)|data not accepted"),
    (Phase.GREETING, r"greeting|banner|SMTPConnectError|initial server|\bconnect(?:ing|ion)? "),
    (Phase.EHLO, r"\b(?:EHLO|HELO)\b|HeloError"),
    (Phase.TLS, r"STARTTLS (?:command|failed)|SMTPNotSupported"),
)  # fmt: skip
"""What says in which phase a reply was said; the last such word before it counts."""

_USUAL = {
    Phase.AUTH: frozenset({432, 435, 523, 524, 525, 534, 535, 538}),
    Phase.RCPT: frozenset({450, 451, 452, 550, 551, 553}),
    Phase.MAIL: frozenset({530, 555}),
    Phase.FINAL: frozenset({552, 554}),
    Phase.GREETING: frozenset({421, 554}),
    Phase.EHLO: frozenset({500, 502}),
}
"""Where a code is usually said."""

_LOGIN_FIRST = (
    r"not authenticated|authenticat\w* (?:is )?required|requires? (?:smtp )?authenticat"
    r"|must (?:first )?(?:authenticat|log ?in)|please (?:turn on|authenticat|log ?in)"
    r"|authenticate first|to be logged in|auth(?:entication)? command first"
)
_OWN = (
    (Phase.FINAL, r"unauthenticated|authentication checks|\bspf\b|\bdkim\b|\bdmarc\b"),
    (Phase.RCPT, _LOGIN_FIRST),
    (Phase.AUTH, r"authenticat|\bauth\b|log ?in|password|credential|mechanism"),
    (Phase.EHLO, r"\be?helo\b"),
    (Phase.MAIL, r"\bsender|mail from|\bfrom\b[^.]{0,20}address|return path|envelope from"),
    (Phase.RCPT, r"recipient|\brcpt|relay|mailbox|\busers?\b|addressee"),
    (Phase.FINAL, r"messages?\b|content|spam|virus|malware|header|attachment|size|url\b"),
)  # fmt: skip
"""What a reply says itself about where it was said."""

_ORDER = (Phase.RCPT, Phase.MAIL, Phase.FINAL, Phase.DATA, Phase.EHLO, Phase.GREETING, Phase.AUTH)


class Quoted(NamedTuple):
    """A reply in a text.

    Attributes:
        code: reply code.
        lines: its text.
        phases: where it may have been said, the likeliest first.
        at: where it stands.
    """

    code: int
    lines: tuple[str, ...]
    phases: tuple[Phase, ...]
    at: int

    @property
    def shown(self) -> str:
        """For people."""
        text = " ".join(" ".join(self.lines).split())
        return f"{self.code} {text}"[:160].rstrip(" '\")],}")


def replied(text: Pasted) -> Iterator[Evidence]:
    """What replies in a text point to."""
    if "4" not in text.raw and "5" not in text.raw:
        return
    found = list(_quoted(text.raw)) or list(_statuses(text.raw))
    for reply in found[:MOST]:
        yield from _named(reply)


TRIED = 2
"""Phases that are tried for words without a code."""

MOST = 8
"""Replies of one text that are looked at."""


def _named(reply: Quoted) -> Iterator[Evidence]:
    from smtps.replies import UNKNOWN, meaning  # noqa: PLC0415  # only a reply needs them

    unknown = {code for pair in UNKNOWN.values() for code in pair}
    weight = KNOWN
    for phase in reply.phases:
        cause = meaning(phase, reply.code, reply.lines).code
        if cause not in unknown:
            yield Evidence(cause, weight, reply.shown, reply.at)
            return
        weight = GUESSED
    cause = meaning(reply.phases[0], reply.code, reply.lines).code
    weight = GUESSED if reply.phases[0] is Phase.TLS else UNNAMED  # there it says enough
    yield Evidence(cause, weight, reply.shown, reply.at)


def like_a_reply(text: Pasted) -> Iterator[Evidence]:
    """What a short text points to if a server said it, and the program that showed it left the code
    out.
    """
    line = " ".join(text.raw.split())
    if len(line) <= LONGEST:
        for found in _named(Quoted(550, (line,), _phases(line, 0, 0)[:TRIED], 0)):
            if found.weight > UNNAMED:
                yield found._replace(weight=BARE, why=line[:160])


def _quoted(raw: str) -> Iterator[Quoted]:
    """Replies with their code; the lines of one are put together."""
    last: Quoted | None = None
    for found in pattern(_REPLY).finditer(raw):
        before = raw[max(0, found.start() - 24) : found.start()].rpartition("\n")[2]
        if pattern(_NO_REPLY).search(before) or not (
            found["status"] or pattern(_LEADS).search(before)
        ):
            continue
        code, line = int(found["code"]), _line(found["rest"])
        between = raw[last.at + len(last.lines[-1]) : found.start()] if last else ""
        if last and last.code == code and "\n\n" not in between and len(last.lines) < 12:
            last = last._replace(lines=(*last.lines, line))
            continue
        if last:
            yield last
        last = Quoted(code, (line,), _phases(raw, found.start(), code), found.start())
    if last:
        yield last


def _statuses(raw: str) -> Iterator[Quoted]:
    for found in pattern(_STATUS).finditer(raw):
        status = found["status"]
        code = 450 if status[0] == "4" else 550
        rest = found["rest"].lower()
        if status[0] == "5" and pattern(_ANONYMOUS).search(rest):
            code = 530
        elif status.startswith("5.7.") and pattern(_LOGIN).search(rest):
            code = 535
        yield Quoted(code, (status + found["rest"][:LONGEST],),
                     _phases(raw, found.start(), code), found.start())  # fmt: skip


_ANONYMOUS = (
    r"not (?:been )?authenticated|authentication (?:is )?required|nicht authentifiziert"
    r"|não foi autenticado|pas authentifi|no se autentic"
)
_LOGIN = r"authenticat|credential|login|log in|password"


def _line(rest: str) -> str:
    return rest[:LONGEST].lstrip(" \t-,:)'\"b" if rest[:1] in ",:)" else " \t-'\"")


def _phases(raw: str, at: int, code: int) -> tuple[Phase, ...]:
    """Where a reply may have been said: as the text before it says, as the code says, anywhere."""
    before, behind = raw[max(0, at - 400) : at], raw[at : at + 200].partition("\n")[0]
    if code == 454 and re.search(r"\bTLS\b", behind):
        return (Phase.TLS,)
    said = []
    for phase, signs in _SIGNS:
        places = [sign.start() for sign in pattern(signs).finditer(before)]
        if places:
            said.append((places[-1], phase))
    named = [phase for _, phase in sorted(said, key=lambda one: -one[0])][:1]
    usual = [phase for phase, codes in _USUAL.items() if code in codes]
    own = [phase for phase, signs in _OWN if pattern(signs).search(behind)]
    if code in _USUAL[Phase.AUTH] or code in _USUAL[Phase.MAIL]:
        named, usual = usual, named  # said nowhere else
    return tuple(dict.fromkeys([*named, *own, *usual, *_ORDER]))
