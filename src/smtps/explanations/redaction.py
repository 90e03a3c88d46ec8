"""Credentials in a text from anywhere, blacked out before anything else looks at it.

Nobody says here which words are secret, so each rule goes by the form. A rule costs nothing where
none of its signs occurs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

HIDDEN = "<hidden>"


class Rule(NamedTuple):
    """A form in which credentials come.

    Attributes:
        signs: one of these is in every match, in lower case.
        pattern: with what stays in groups ``a`` and ``z``.
        judge: whether a match is one, if its form does not say enough.
    """

    signs: tuple[str, ...]
    pattern: str
    judge: Callable[[re.Match[str]], bool] = lambda _found: True


def redacted(text: str) -> str:
    """The text without credentials: each of them is replaced by ``<hidden>``."""
    folded = text.lower()
    for rule in RULES:
        if any(sign in folded for sign in rule.signs):
            text = re.sub(rule.pattern, _Hidden(rule.judge), text, flags=re.IGNORECASE)
    return text


class _Hidden:
    """What stands for a match."""

    def __init__(self, judge: Callable[[re.Match[str]], bool]) -> None:
        self._judge = judge

    def __call__(self, found: re.Match[str]) -> str:
        if HIDDEN in found[0] or not self._judge(found):
            return found[0]
        parts = found.groupdict("")
        return parts.get("a", "") + HIDDEN + parts.get("z", "")


def _encoded(found: re.Match[str]) -> bool:
    """Whether a word is base64 and not only a long word."""
    word = found["word"]
    kinds = (str.isupper, str.islower, str.isdigit)
    mixed = all(any(kind(sign) for sign in word) for kind in kinds)
    if not word.endswith("=") and (not mixed or len(word) < 16):
        return False
    return len(word.rstrip("=")) % 4 != 1 and len(word) % 4 in (0, len(word.rstrip("=")) % 4)


def _no_reply(found: re.Match[str]) -> bool:
    """A reply code behind "password:" is none."""
    return not re.match(r"[245]\d\d(?:$|[-\s,.])", found["value"])


_NAME = (
    r"(?:pass(?:word|wd|phrase|wort)?|pwd|secret|token|api[_-]?key|kennwort|mot[ _]de[ _]passe"
    r"|contrase(?:ñ|n)a|senha|wachtwoord|password_?file_?content|パスワード|credentials?)"
)
_QUOTED = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""

RULES = (
    # AUTH PLAIN AGFubgBzZWNyZXQ=, in a log of any form; the lines after it are the client's.
    Rule(("auth",), r"(?P<a>\bauth[ \t]+[a-z0-9_-]{3,20}[ \t]+)(?P<value>[^\s'\"<]{2,})",
         lambda found: _is_response(found["value"])),
    Rule(("334",), r"(?P<a>\b334\b[^\n]*\n[^\n]{0,60}?)(?P<value>[a-z0-9+/]{4,}={0,2})"
         r"(?P<z>[ \t]*(?:\\r\\n)?['\"]?[ \t]*(?=\r|\n|$))"),
    Rule(("bearer",), r"(?P<a>\bbearer[ \t]+)[^\s'\"\x01^]{6,}"),
    Rule(("eyj",), r"\beyj[a-z0-9_-]{8,}(?:\.[a-z0-9_-]*){0,2}"),
    Rule(("ya29.", "1//0", "ghp_", "sg.", "xkeysib-", "akia"),
         r"\b(?:ya29\.[\w-]{8,}|1//0[\w-]{8,}|ghp_\w{8,}|SG\.[\w-]{8,}\.[\w-]{8,}"
         r"|xkeysib-[\w-]{8,}|AKIA[0-9A-Z]{12,})"),
    Rule(("_token", "client_secret", "assertion", "refresh", "code_verifier"),
         r"(?P<a>\b(?:access_token|refresh_token|id_token|client_secret|client_assertion|assertion"
         r"|code_verifier)\b['\"]?[ \t]*[=:][ \t]*['\"]?)[^\s'\"&,}]{3,}"),
    Rule(("://",), r"(?P<a>\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,200}:)[^\s]{1,200}(?P<z>@)"),
    Rule(("login(", "authenticate(", "credential("),
         r"(?P<a>\b(?:login|authenticate|networkcredential|credentials?)\("
         rf"[^,()\n]{{1,200}},[ \t]*){_QUOTED}"),
    Rule(("-u", "--user", "-ap", "--auth-password", "--password"),
         r"(?P<a>(?<!\S)(?:(?:-u|--user)[ =]?['\"]?[^\s:'\"]{1,200}:"
         r"|(?:-ap|--auth-password|--password)[ =]['\"]?))(?P<value>[^\s'\"]+)", _no_reply),
    Rule(("pass", "pwd", "secret", "token", "key", "kennwort", "passe", "contrase", "senha",
          "wachtwoord", "パスワード", "credential"),
         rf"(?P<a>[\w.$>\[-]*{_NAME}\w*['\"\])]*(?:[ \t]+\w+(?=[ \t]*=>?[ \t]))?[ \t]*"
         rf"(?:=>|:=|=|:)[ \t]*)"
         rf"(?P<value>{_QUOTED}|[^\s'\"<>,;(){{}}]+)", _no_reply),
    Rule(("pass",), r"(?P<a>(?:^|\n)[ \t]*pass(?:word|wd)?[ \t]+)"
         r"(?P<value>[^\s]+)(?P<z>[ \t]*(?=\n|$))",
         lambda found: not found["value"].isalpha()),
    Rule(("password>", "pass>", "pwd>", "secret>"),
         r"(?P<a><(?:smtp)?(?:password|pass|pwd|secret)>)[^<]+"),
    Rule(("=", "+", "/", *"0123456789"),
         r"(?<![\w+/=.@-])(?P<word>[a-z0-9+/]{6,}={0,2})(?![\w+/=.@-])", _encoded),
)  # fmt: skip


def _is_response(value: str) -> bool:
    """Whether what follows a mechanism is its response, and not the next mechanism or a word."""
    return bool(re.search(r"[0-9=+/]", value) or len(value) % 4 == 0) and not re.fullmatch(
        r"[A-Z]+(?:-[A-Z0-9-]+)?|[a-z]+|[A-Z][a-z]+\W*", value
    )
