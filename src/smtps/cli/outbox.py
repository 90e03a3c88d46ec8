"""``smtps outbox``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from smtps.cli import exits, output
from smtps.cli.mail_table import next_attempt, place, table
from smtps.cli.usage import Parser
from smtps.errors import InputError

if TYPE_CHECKING:
    from smtps.outbox.outbox import Outbox

NAME = "outbox"
HELP = "show and manage the mail in the outbox"
DESCRIPTION = """\
Show and manage the mail in the outbox of smtps serve. This works while the service is running."""
EPILOG = """\
examples:
  smtps outbox list --config /etc/smtps.toml
  smtps outbox list --status uncertain --status failed
  smtps outbox show 01a21453ca42 --transcript
  smtps outbox retry 01a21453ca42
  smtps outbox export --status failed > failed.ndjson
  smtps outbox move mail.db postgresql://smtps@db.example.com/smtps

the configuration is that of smtps serve; SMTPS_CONFIG can name it, too
"""

SHOWN = 20
"""Messages of a list, unless more are asked for."""


def add_options(parser: Parser) -> None:
    """Arguments of the command."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, (text, action, *more) in _ACTIONS.items():
        sub = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        for add in more:
            add(sub)
        sub.add_argument(
            "--config", metavar="FILE", help="settings file (TOML), as for smtps serve"
        )
        sub.add_argument("--json", action="store_true", help="as JSON")
        sub.set_defaults(action=action, command=sub)
        sub.settle()


def run(options: Namespace) -> int:
    """Do it."""
    import asyncio  # noqa: PLC0415

    code: int = asyncio.run(options.action(options))
    return code


def _filters(parser: ArgumentParser) -> None:
    parser.add_argument("--status", action="append", metavar="STATE", help="may be repeated")
    parser.add_argument("--account", action="append", metavar="NAME", help="may be repeated")
    parser.add_argument("--tag", metavar="TAG")


def _unheard_ones(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--pending", action="store_true", help="those that will be retried, not those given up"
    )
    parser.add_argument("--account", action="append", metavar="NAME", help="may be repeated")


def _number(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=SHOWN, metavar="N", help="default 20")


def _id(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="+",
        help="of a message, or as many of its first digits as it takes",
    )


def _details(parser: ArgumentParser) -> None:
    parser.add_argument("--transcript", action="store_true", help="also show the dialogue")
    parser.add_argument("--raw", action="store_true", help="only the message itself")


def _account(parser: ArgumentParser) -> None:
    parser.add_argument("account", metavar="ACCOUNT")


def _places(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="FROM", help="a file, or postgresql://…")
    parser.add_argument("target", metavar="TO", help="an empty outbox of the other kind")


def _open(options: Namespace) -> Outbox:
    from smtps.config.open_outbox import open_outbox  # noqa: PLC0415
    from smtps.config.settings import load  # noqa: PLC0415

    return open_outbox(load(options.config), deliver=False)


async def _pages(outbox: Outbox, options: Namespace, most: int) -> AsyncIterator[dict[str, Any]]:
    from smtps.outbox.reading import LARGEST_PAGE, Filter  # noqa: PLC0415
    from smtps.outbox.records import State  # noqa: PLC0415

    for status in options.status or ():
        if status not in State.__members__.values():
            raise InputError("status", f"must be one of {', '.join(State)}")
    before = None
    while most > 0:
        limit = min(most, LARGEST_PAGE)
        page = await outbox.page(
            Filter(states=options.status, accounts=options.account, tag=options.tag,
                   before=before, limit=limit)
        )  # fmt: skip
        for message in page:
            yield message
        if len(page) < limit:
            return
        before, most = page[-1]["id"], most - limit


async def _list(options: Namespace) -> int:
    async with _open(options) as outbox:
        found = [message async for message in _pages(outbox, options, options.limit)]
        states = await outbox.account_states()
    if options.json:
        output.show_json({"messages": found, "accounts": states})
        return exits.OK
    for state in states:
        output.show(_waits(state) + _unheard(state))
    if found:
        by_name = {state["account"]: state for state in states}
        output.show("\n".join(table(found, by_name)) + "\n")
    else:
        output.show("No messages.\n")
    if found and len(found) == options.limit:
        output.show(f"… the newest {len(found)}; --limit shows more\n")
    return exits.OK


def _waits(state: dict[str, Any]) -> str:
    if state["status"] == "ok":
        return ""
    when = f" at {state['next_attempt_at']}" if state["next_attempt_at"] else ""
    remedy = (
        "fix the cause, then run"
        if state["status"] == "stopped"
        else (f"it tries again{when}; to try now, run")
    )
    return (
        f"! {state['account']} is {state['status']}: {state['reason']}\n"
        f"! {remedy}: smtps outbox resume {state['account']}\n"
    )


def _unheard(state: dict[str, Any]) -> str:
    counts = state["notices"]
    return "".join(
        f"! webhook of {state['account']}: {number} notice{'' if number == 1 else 's'} {words}: "
        f"smtps outbox notices{option}\n"
        for number, words, option in (
            (counts["pending"], "pending after a failure", " --pending"),
            (counts["undelivered"], "given up", ""),
        )
        if number
    )


async def _whole(outbox: Outbox, given: list[str]) -> list[str]:
    """The ids that begin so; all are looked up before anything is done with one."""
    return [await outbox.whole_id(text) for text in given]


async def _show(options: Namespace) -> int:
    async with _open(options) as outbox:
        for id_ in await _whole(outbox, options.id):
            if options.raw:
                await _show_raw(outbox, id_)
                continue
            message = await outbox.show(id_)
            if options.transcript:
                message["transcript"] = await outbox.transcript(id_)
            if options.json:
                output.show_json(message)
            else:
                states = {each["account"]: each for each in await outbox.account_states()}
                output.show(_told(message, states.get(message["account"])))
    return exits.OK


async def _show_raw(outbox: Outbox, id_: str) -> None:
    from smtps.outbox.control import ControlError  # noqa: PLC0415

    await outbox.show(id_)
    if (data := await outbox.body(id_)) is None:
        raise ControlError("outbox.body_gone", "The message itself has been deleted.")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _told(message: dict[str, Any], account: dict[str, Any] | None) -> str:
    """A message, and why nothing happens if that is its account's fault."""
    from smtps.outbox.records import WAITING  # noqa: PLC0415

    shown = {name: message[name] for name in _NAMES}
    if shown["next_attempt_at"] is not None:
        shown["next_attempt_at"] = next_attempt(message, account) or "as soon as the service runs"
    lines = [f"{message['subject'] or '(no subject)'}: {message['status']}"]
    lines += [f"  {_NAMES[name]:<13} {text}" for name, text in shown.items() if text is not None]
    for who in message["recipients"]:
        reply = who["smtp"]
        said = f"  {reply['code']} {reply['text']}" if reply else ""
        lines.append(f"  to {who['email']}: {who['status']}{said}")
    for attempt in message["attempts"]:
        failure = attempt["failure"]
        what = attempt["outcome"] + (f": {failure['message']}" if failure else "")
        lines.append(f"  attempt {attempt['n']}, {attempt['started_at']}: {what}")
    if (notice := message["webhook"]) is not None:
        lines.append(f"  webhook: {_notice(notice)}")
    for attempt in message.get("transcript", ()):
        lines += [f"  {attempt['n']} {line}" for line in attempt["lines"]]
    waits = _waits(account) if account is not None and message["status"] in WAITING else ""
    return "\n".join(lines) + "\n" + waits


def _notice(notice: dict[str, Any]) -> str:
    number = notice["attempts"]
    said = f"{notice['event']} {notice['status']}, {number} attempt{'' if number == 1 else 's'}"
    if notice["last_attempt_at"]:
        said += f", the last at {notice['last_attempt_at']}"
    if notice["next_attempt_at"]:
        said += f", the next at {notice['next_attempt_at']}"
    if (failure := notice["failure"]) is not None:
        said += f": {failure['message']}"
        if notice["status"] != "delivered" and failure["advice"]:
            said += f" {failure['advice']}"
    return said


_NAMES = {
    "id": "id",
    "account": "account",
    "from": "from",
    "message_id": "Message-ID",
    "created_at": "accepted",
    "next_attempt_at": "next attempt",
    "expires_at": "expires",
    "finished_at": "ended",
}


def _for_each(what: str) -> Callable[[Namespace], Awaitable[int]]:
    async def do(options: Namespace) -> int:
        async with _open(options) as outbox:
            for id_ in await _whole(outbox, options.id):
                await getattr(outbox, what)(id_)
                message = await outbox.show(id_)
                if options.json:
                    output.show_json(message, compact=True)
                else:
                    output.show(f"{id_}: {message['status']}\n")
        return exits.OK

    return do


async def _resume(options: Namespace) -> int:
    async with _open(options) as outbox:
        await outbox.resume(options.account)
        state = next(s for s in await outbox.account_states() if s["account"] == options.account)
    output.show_json(state) if options.json else output.show(f"{options.account} may send again\n")
    return exits.OK


async def _notices(options: Namespace) -> int:
    from smtps.outbox.notices import NoticeFilter, NoticeState  # noqa: PLC0415

    state = NoticeState.PENDING if options.pending else NoticeState.UNDELIVERED
    wanted = NoticeFilter(state=state, accounts=options.account, limit=options.limit)
    async with _open(options) as outbox:
        found = await outbox.notices(wanted)
    if options.json:
        output.show_json({"notices": found})
        return exits.OK
    for notice in found:
        output.show(f"{notice['message']}  {notice['account']}  {_notice(notice)}\n")
    if not found:
        output.show("No notices.\n")
    elif len(found) == options.limit:
        output.show(f"… of the newest {len(found)} messages; --limit shows more\n")
    return exits.OK


async def _export(options: Namespace) -> int:
    async with _open(options) as outbox:
        async for message in _pages(outbox, options, sys.maxsize):
            output.show_json(await outbox.show(message["id"]), compact=True)
    return exits.OK


async def _move(options: Namespace) -> int:
    import asyncio  # noqa: PLC0415

    from smtps.outbox.migrate import move  # noqa: PLC0415

    shown = 0

    def progress(rows: int) -> None:
        nonlocal shown
        shown = rows
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{rows:,} rows")

    counts = await asyncio.to_thread(move, options.source, options.target, progress)
    if sys.stderr.isatty():
        sys.stderr.write("\r")
    if options.json:
        output.show_json(counts)
    else:
        output.show(
            f"Moved {counts['messages']:,} messages, {shown:,} rows in all, from "
            f"{place(options.source)} to {place(options.target)}. Set outbox to the new place. "
            f"Nothing reads {place(options.source)} any more; you can delete it.\n"
        )
    return exits.OK


_ACTIONS: dict[str, tuple[Any, ...]] = {
    "list": ("the newest messages, and accounts that are waiting", _list, _filters, _number),
    "show": ("one message, its recipients and attempts", _show, _id, _details),
    "retry": ("send a message now, or again to recipients who have not received it",
              _for_each("retry"), _id),
    "cancel": ("cancel a message that has not been sent", _for_each("cancel"), _id),
    "notices": ("undelivered webhook notices, with the reason", _notices,
                _unheard_ones, _number),
    "notify": ("deliver the webhook notice of a message again", _for_each("notify"), _id),
    "resume": ("let a waiting account send again immediately", _resume, _account),
    "export": ("messages with all their data, one JSON object per line", _export,
               _filters),
    "move": ("move all mail from a file to PostgreSQL, or back", _move, _places),
}  # fmt: skip
"""Name → what it does, how, and what it takes."""
