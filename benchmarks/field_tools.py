"""What other tools say of the same situations; writes field_tools.md.

``scripts/bench field-tools`` sets up each situation of ``tests/field/situations`` in which
something is wrong and asks openssl s_client, curl, swaks and testssl.sh about it; what ``smtps
check`` says is taken from the last ``scripts/bench field``. One regular expression for each cause,
below, is held against all that a tool prints, ours too.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.diagnosis import Saying
from benchmarks.field import SAID as FIELD
from benchmarks.field import chosen
from tests.field.lab import Lab
from tests.field.network import namespaces_can_be_made, sweep
from tests.field.servers import PASSWORD, USER
from tests.field.situation import Situation

HERE = Path(__file__).parent
SAID = HERE / "field_tools.said.json"
TABLE = HERE / "field_tools.md"
LIMIT = 45.0
"""Seconds for a tool."""

STARTTLS_PORTS = (25, 587, 2525, 2587)

REPLY = r"\b[45]\d\d[ -][45]\.\d|(?<=[<:] )[45]\d\d "
"""The server's own words are shown."""

CAUSES = {
    "auth.account_disabled": r"disabled",
    "auth.no_common_mechanism": r"no (common|acceptable|usable|known).*(mechanism|auth)|mechanism"
    r"|kind of login",
    "auth.not_offered": r"(not|no) .*(AUTH|login|authentication)",
    "auth.offered_in_clear": r"(login|auth|password).*(before|without|clear)",
    "auth.rejected": r"\b535\b|login denied|password",
    "auth.sent_unverified": r"not (verified|checked)|unverified",
    "auth.token_rejected": r"token",
    "auth.too_many_tries": r"too many",
    "dns.alias_leads_nowhere": r"CNAME|alias",
    "dns.alias_loop": r"CNAME|alias|loop",
    "dns.blocked_name": r"block",
    "dns.lookup_failed": r"temporary failure|resolver|could not (be )?resolve|timed? ?out",
    "dns.name_not_found": r"not (known|exist|resolve|found)|could not resolve|no such",
    "dns.no_address": r"no address|not resolve",
    "dns.private_address": r"private",
    "net.blocked_here": r"firewall|not permitted|timed? ?out|no route",
    "net.closed_by_server": r"closed|hung up|EOF|disconnect",
    "net.host_unreachable": r"no route|unreachable|prohibited|rejects|cannot (be )?reach",
    "net.mtu_black_hole": r"MTU|large packets",
    "net.port_blocked_here": r"network blocks|block",
    "net.refused": r"refused|rejects",
    "net.reset": r"reset",
    "net.some_addresses_fail": r"141\.2\.3\.11|2a09:7:6::10",
    "net.timeout": r"timed? ?out",
    "net.unreachable": r"unreachable|no route|not assign|cannot (be )?reach",
    "send.greylisted": r"greylist",
    "send.login_required": r"log.?in|authenticat|530",
    "send.smtputf8_not_offered": r"SMTPUTF8|beyond ASCII|international",
    "send.relays_without_login": r"relays|open relay|not logged in",
    "smtp.blocklisted": r"block.?list|blocked using|listed|spamhaus",
    "smtp.ehlo_name_replaced": r"EHLO.*name|name.*EHLO|\b504\b",
    "smtp.ehlo_name_refused": r"EHLO.*name|fully-qualified|504",
    "smtp.ehlo_refused": r"EHLO",
    "smtp.greeting_late": r"late|after 1?\d(\.\d)? second",
    "smtp.greeting_refused": r"\b554\b",
    "smtp.greeting_timeout": r"greet|timed? ?out",
    "smtp.no_backend": r"behind|backend|back end",
    "smtp.proxy_header_wanted": r"PROXY (protocol|header)|PROXY",
    "smtp.rate_limited": r"too (many|much)",
    "smtp.shutting_down": r"\b4[25]\d\b",
    "tls.broken": r"bad record mac|decrypt|damaged",
    "tls.certificate_chain_order": r"order",
    "tls.certificate_common_name_only": r"common name|subject.?alt|CN only|SAN",
    "tls.certificate_constrained": r"subtree|constraint|not allowed to issue|path length",
    "tls.certificate_expired": r"expired|out of date",
    "tls.certificate_expires_soon": r"expires <|(ends|expires|valid).*(days|soon)",
    "tls.certificate_incomplete_chain": r"incomplete|missing|intermediate|not sent",
    "tls.certificate_invalid": r"invalid|malformed|asn1|duplicate|version",
    "tls.certificate_no_address": r"IP address mismatch|no alternative.*(subject|name)|not match"
    r"|for names",
    "tls.certificate_not_strict": r"key identifier",
    "tls.certificate_not_yet_valid": r"not.yet.valid",
    "tls.certificate_revoked": r"revoked",
    "tls.certificate_self_signed": r"self.?signed",
    "tls.certificate_untrusted_root": r"self-signed certificate in|unable to get|not trusted"
    r"|unknown (ca|issuer)|chain incomplete",
    "tls.certificate_weak": r"too weak|key.*1024|1024 bit|SHA-?1\b",
    "tls.certificate_wrong_host": r"hostname mismatch|not match|no alternative|another name",
    "tls.certificate_wrong_purpose": r"purpose|invalid CA|not meant",
    "tls.client_certificate_required": r"certificate required|client certificate|certificate from",
    "tls.client_certificate_unfit": r"certificate expired|unknown ca|unsupported certificate|client"
    r" certificate",
    "tls.clock_wrong": r"clock",
    "tls.closed": r"unexpected eof|closed|hung up|EOF|reset",
    "tls.fingerprint_mismatch": r"pinned|fingerprint",
    "tls.implicit_tls_port": r"first byte|implicit",
    "tls.large_hello": r"large|octets|bytes",
    "tls.legacy_renegotiation": r"renegotiation",
    "tls.name_blocked": r"by (its |the )?name|SNI",
    "tls.no_common_cipher": r"(no|share).*cipher|cipher.*(common|shared)",
    "tls.no_common_group": r"group|curve|ML-?KEM|post-quantum",
    "tls.no_server_certificate": r"no (peer |server )?certificate|anonymous|anon\b|ADH",
    "tls.no_trust_store": r"trust store|no certificate authorit|CA file|cafile",
    "tls.not_tls": r"wrong version|not TLS|neither TLS|HTTP|SSH|MySQL|echo|IMAP|POP3",
    "tls.old_ciphers_only": r"old ciphers|obsolete|AES128-SHA|AES256-SHA",
    "tls.old_versions_accepted": r"TLS ?v?1(\.0)? .*(offered|accept|old|takes)"
    r"|(takes|accepts) TLS 1",
    "tls.plaintext_on_tls_port": r"not start with TLS|in the clear|plain ?text|\b220 ",
    "tls.protocol_version": r"protocol version|unsupported protocol|TLS ?v?1(\.[01])? ",
    "tls.server_error": r"internal error",
    "tls.staple_missing": r"stapl",
    "tls.starttls_injection": r"inject|before TLS",
    "tls.starttls_inside_tls": r"STARTTLS",
    "tls.starttls_not_offered": r"(not|no|didn't|n't).*STARTTLS|STARTTLS.*(not|denied)"
    r"|removes STARTTLS",
    "tls.starttls_refused": r"\b454\b|STARTTLS.*refus",
    "tls.timeout": r"timed? ?out|not finish",
    "tls.unrecognized_name": r"unrecognized.name|does not know.*name|SNI",
    "tls.version_intolerant": r"TLS ?1\.3|intoleran",
    "tls.weak_key_exchange": r"dh key too small|DH.*1024|too short",
}


def cause(situation: Situation) -> str:
    """The expression that names it."""
    first = situation.causes[0] if situation.causes else ""
    told = CAUSES.get(first) or situation.told
    return told or (REPLY if first.startswith(("send.", "smtp.", "auth.")) else "$^")


class Place:
    """Where a situation's server is, and how it is asked."""

    def __init__(self, situation: Situation) -> None:
        options = list(situation.options)
        target = situation.target
        bracketed = target.startswith("[")
        host, _, port = target.rpartition(":") if bracketed or ":" in target else (target, "", "")
        self.host = host.strip("[]") if port else target
        self.starttls = "--starttls" in options or int(port or 465) in STARTTLS_PORTS
        self.port = int(port) if port else (587 if "--starttls" in options else 465)
        self.login = "--username" in options or "-u" in options
        self.password = PASSWORD if any(PASSWORD in each for each in options) else "guessed"
        self.certificate = "--client-cert" in options
        self.envelope = (
            (options[options.index("--mail-from") + 1], options[options.index("--rcpt-to") + 1])
            if "--mail-from" in options
            else None
        )

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def identity(self, lab: Lab, certificate: str, key: str) -> list[str]:
        """The client's certificate, by these options."""
        files = [certificate, f"{lab.directory}/client.crt", key, f"{lab.directory}/client.key"]
        return files if self.certificate else []


TLS_GROUPS = ("interception", "certificates", "TLS", "below SMTP", "ports and security")
"""What testssl.sh is asked about: it says nothing of what comes before or after TLS."""

Tool = Callable[[Place, Lab], list[str]]


def _roots(lab: Lab) -> str:
    return str(lab.directory / "roots.pem")


def openssl(place: Place, lab: Lab) -> list[str]:
    check = "-verify_ip" if re.fullmatch(r"[\d.]+|.*:.*", place.host) else "-verify_hostname"
    starttls = ["-starttls", "smtp"] if place.starttls else []
    return ["openssl", "s_client", "-connect", place.authority, "-CAfile", _roots(lab), check,
            place.host, "-verify_return_error", "-crlf", "-status", *starttls,
            *place.identity(lab, "-cert", "-key")]  # fmt: skip


def curl(place: Place, lab: Lab) -> list[str]:
    scheme, more = ("smtp", ["--ssl-reqd"]) if place.starttls else ("smtps", [])
    if place.login:
        more += ["--user", f"{USER}:{place.password}"]
    if place.envelope:
        more += ["--mail-from", place.envelope[0], "--mail-rcpt", place.envelope[1],
                 "--upload-file", "/etc/hostname"]  # fmt: skip
    return ["curl", "--silent", "--show-error", "--verbose", "--cacert", _roots(lab),
            "--max-time", "40", *more, *place.identity(lab, "--cert", "--key"),
            f"{scheme}://{place.authority}/"]  # fmt: skip


def swaks(place: Place, lab: Lab) -> list[str]:
    way = "--tls" if place.starttls else "--tls-on-connect"
    login = ["--auth-user", USER, "--auth-password", place.password] if place.login else []
    sender, recipient = place.envelope or (USER, "bob@example.com")
    end = "RCPT" if place.envelope else "AUTH" if place.login else "EHLO"
    return ["swaks", "--server", place.host, "--port", str(place.port), way, "--tls-verify",
            "--tls-ca-path", _roots(lab), "--timeout", "30", *login,
            *place.identity(lab, "--tls-cert", "--tls-key"), "--from", sender, "--to",
            recipient, "--quit-after", end]  # fmt: skip


def testssl(place: Place, lab: Lab) -> list[str]:
    starttls = ["-t", "smtp"] if place.starttls else []
    return ["testssl", "--quiet", "--warnings", "off", "--color", "0", "--add-ca", _roots(lab),
            "--nodns", "min", "--ip", "one", "--connect-timeout", "8", "--openssl-timeout", "8",
            "-p", "-S", *starttls,
            place.authority]  # fmt: skip


def ours(answer: dict[str, Any]) -> tuple[str, float]:
    """What ``benchmarks.field`` heard from ``smtps check``: the findings, as its text has them."""
    report = answer.get("report") or {"findings": []}
    lines = []
    for each in report["findings"]:
        lines += [f"{each['meaning']} [{each['code']}]", each["seen"], each["fix"]]
    return "\n".join(lines), answer.get("seconds", 0.0)


TOOLS: dict[str, Tool] = {
    "openssl s_client": openssl, "curl": curl, "swaks": swaks, "testssl.sh": testssl,
}  # fmt: skip


def ask(situation: Situation, lab: Lab, command: Sequence[str]) -> tuple[str, float]:
    """All that a tool prints, and how long it took."""
    start = time.monotonic()
    full = [*situation.runs, *command]
    try:
        done = lab.client(full, LIMIT, **situation.environment)
        text = done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        said = [part.decode(errors="replace") if isinstance(part, bytes) else part or ""
                for part in (error.stdout, error.stderr)]  # fmt: skip
        text = f"{''.join(said)}\n(stopped after {LIMIT:g} s)"
    return text, round(time.monotonic() - start, 1)


def hear(situation: Situation, tools: Sequence[str]) -> dict[str, tuple[str, float]]:
    """What the tools say of one situation, which is set up for each."""
    place = Place(situation)
    found = {}
    for name in tools:
        if name == "testssl.sh" and situation.group not in TLS_GROUPS:
            continue
        with Lab(**situation.network) as lab:
            situation.build(lab)
            lab.open_for_clients()
            found[name] = ask(situation, lab, TOOLS[name](place, lab))
    return found


def askable(situation: Situation) -> bool:
    """Something is wrong, and it is a server that is asked, not a mail address."""
    return bool(situation.causes or situation.told) and "@" not in situation.target


def document(situations: Sequence[Situation], said: dict[str, Any]) -> str:
    """All of it, as Markdown."""
    tools = ["smtps", *TOOLS]
    heard = [each for each in situations if {"smtps", "curl"} <= set(said.get(each.name, ()))]
    rows = []
    named = dict.fromkeys(tools, 0)
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    for each in heard:
        cells = [f"`{each.name}`", each.expert]
        for tool in tools:
            if tool not in said[each.name]:
                cells.append("–")
                continue
            saying = Saying(*said[each.name][tool])
            right = saying.names(cause(each))
            named[tool] += right
            seconds[tool].append(saying.seconds)
            line = _steady(saying.line(cause(each)))
            cells.append(f"{'**yes**' if right else 'no'} `{line}`")
        rows.append(_row(cells))
    suited = [each for each in heard if each.group in TLS_GROUPS]
    left_out = [f"`{each.name}`" for each in suited if "testssl.sh" not in said[each.name]]
    note = f"\ntestssl.sh was not asked about: {', '.join(left_out)}.\n" if left_out else ""
    sums = [_row([tool, f"{named[tool]} of {len(seconds[tool])}", f"{_median(seconds[tool]):.1f}"])
            for tool in tools]  # fmt: skip
    return f"""\
# The same situations, by other tools

`scripts/bench field-tools`: those of [field.md](field.md) in which something is wrong with a
server. "Yes" is judged by one regular expression for each cause, in `field_tools.py`, held against
all that a tool prints, ours too; shown is the line that names the cause, or the last one. A tool
has {LIMIT:g} seconds. testssl.sh looks at TLS and certificates alone and is not asked about what
comes before and after; openssl does not log in. None of them is made to explain, and that a word is
printed does not mean that it helps.

| tool | names the cause | median seconds |
| --- | --- | --- |
{chr(10).join(sums)}
{note}
{_row(["situation", "an expert says", *tools])}
{_row(["---"] * (len(tools) + 2))}
{chr(10).join(rows)}
"""


def _steady(text: str) -> str:
    """Without what changes from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?|/tmp/\S+|\b[0-9A-F]{12,}\b", "…", text)
    return text.replace("|", "\\|")


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="words in names, with a comma between")
    parser.add_argument("--group", default="")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--tools", default=",".join(TOOLS), help="ask these only")
    parser.add_argument("--judge", action="store_true", help="what was said last time")
    options = parser.parse_args()
    said = json.loads(SAID.read_text()) if SAID.exists() else {}
    situations = [each for each in chosen(options.only, options.group) if askable(each)]
    if not options.judge:
        if reason := namespaces_can_be_made():
            sys.exit(f"field-tools: not run: {reason}")
        sweep()
        with ThreadPoolExecutor(options.jobs) as pool:
            ask_all = partial(hear, tools=options.tools.split(","))
            for each, found in zip(situations, pool.map(ask_all, situations), strict=True):
                said[each.name] = {**said.get(each.name, {}), **found}
                marks = {tool: Saying(*it).names(cause(each)) for tool, it in found.items()}
                print(each.name, marks, flush=True)
                SAID.write_text(json.dumps(said, ensure_ascii=False))
    for name, answers in json.loads(FIELD.read_text()).items():
        if name in said and "after" in answers:
            said[name]["smtps"] = ours(answers["after"])
    everything = [each for each in chosen("", "") if askable(each)]
    TABLE.write_text(document(everything, said))


if __name__ == "__main__":
    main()
