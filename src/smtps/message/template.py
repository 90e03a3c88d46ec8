"""A message with blanks, filled in for one reader after the other (Jinja2).

Each header field is a template of its own, so that nothing filled in can begin another field; and
what comes out is a ``Message``, checked as strictly as any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from smtps.errors import InputError
from smtps.message.addresses import NameAddr
from smtps.message.message import Attachment, Message

_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_RECIPIENTS = {"to": "to", "cc": "cc", "bcc": "bcc", "reply-to": "reply_to"}
"""Fields that may stand there more than once, each with one address or none."""

FIELDS, HEADER = 500, 1 << 16
"""Header fields of a template, and their characters."""

Fill = Callable[[Mapping[str, Any]], str]


class Template:
    """A message with blanks.

        From: Ann Example <ann@example.com>
        To: {{ name }} <{{ email }}>
        Subject: Your invoice {{ number }}

        Dear {{ name }},
        ...

    ``To``, ``Cc``, ``Bcc`` and ``Reply-To`` may be repeated, with one address each; one that is
    empty once it is filled in is left out. A blank that nothing is given for is an error, and so
    is a template that takes too much work or memory for one message (``budget.WORK``): it may be
    a stranger's.

    Args:
        source: header fields, an empty line, the text.
        html: beside the text, or in place of it where there is none; what is filled in is escaped.
        attachments: go with every message.

    Raises:
        InputError: it is no template; says where.
    """

    def __init__(
        self, source: str, *, html: str | None = None, attachments: Iterable[Attachment] = ()
    ) -> None:
        header, _, text = source.removeprefix("\ufeff").replace("\r\n", "\n").partition("\n\n")
        self._people: list[tuple[str, Fill]] = []
        self._once: dict[str, Fill] = {}
        self._headers: dict[str, Fill] = {}
        lines = re.sub(r"\n[ \t]+", " ", header).split("\n")
        if len(lines) > FIELDS or len(header) > HEADER:
            raise InputError(
                "template",
                f"has more than {FIELDS} header fields, or {HEADER:,} characters of them",
            )
        for line in lines:
            self._add(line)
        if "from" not in self._once:
            raise InputError("template", "has no From field in its header")
        self._text = _blanks("the text", text) if text.strip() or html is None else None
        self._html = None if html is None else _blanks("the HTML", html, html=True)
        self._attachments = tuple(attachments)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        html: str | Path | None = None,
        attachments: Iterable[Attachment] = (),
    ) -> Template:
        """Read it from UTF-8 files.

        Raises:
            InputError: one cannot be read, or is no template.
        """
        shown = None if html is None else _read(html, "html")
        return cls(_read(path, "template"), html=shown, attachments=attachments)

    def _add(self, line: str) -> None:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise InputError(
                "template",
                f"{line[:60]!r} is not a header field; the text begins after an empty line",
            )
        name, low = found[1], found[1].lower()
        fill = _blanks(name, found[2].strip(" \t"))
        if low in _RECIPIENTS:
            self._people.append((_RECIPIENTS[low], fill))
            return
        place = self._once if low in ("from", "sender", "subject") else self._headers
        key = low if place is self._once else name
        if low in (other.lower() for other in place):
            raise InputError("template", f"has {name} more than once")
        place[key] = fill

    def fill(self, values: Mapping[str, Any]) -> Message:
        """The message for one reader.

        Args:
            values: for the blanks, by name.

        Raises:
            InputError: something is missing, or the message cannot be sent as it stands; names the
                field.
        """
        from smtps.message.budget import spending  # late: it takes a while  # noqa: PLC0415

        with spending():
            return self._fill(values)

    def _fill(self, values: Mapping[str, Any]) -> Message:
        people: dict[str, list[NameAddr]] = {name: [] for name in _RECIPIENTS.values()}
        for name, fill in self._people:
            if filled := fill(values).strip():
                people[name].append(_person(filled))
        agent = self._once["sender"](values).strip() if "sender" in self._once else ""
        return Message(
            from_=_person(self._once["from"](values).strip()),
            sender=_person(agent) if agent else None,
            subject=self._once["subject"](values) if "subject" in self._once else "",
            text=None if self._text is None else self._text(values),
            html=None if self._html is None else self._html(values),
            headers={name: fill(values) for name, fill in self._headers.items()},
            attachments=self._attachments,
            to=people["to"],
            cc=people["cc"],
            bcc=people["bcc"],
            reply_to=people["reply_to"],
        )


@lru_cache(maxsize=1024)
def _person(text: str) -> NameAddr:
    """One mailbox; the name may be any, since here it cannot be the end of another one."""
    name, bracket, email = text.removesuffix(">").rpartition("<")
    if not bracket or not text.endswith(">"):
        return NameAddr(text)
    name = name.strip(" \t")
    return NameAddr(email, name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name)


def _read(path: str | Path, field: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(field, f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(field, f"is not UTF-8 (byte {error.start})") from error


def _blanks(where: str, source: str, *, html: bool = False) -> Fill:
    """A template of Jinja2; text without blanks costs nothing to fill in."""
    if "{" not in source:
        return lambda _values: source
    import jinja2  # late: only who merges needs it  # noqa: PLC0415

    from smtps.message.bounded_jinja import compiled  # noqa: PLC0415
    from smtps.message.budget import TooMuchError  # noqa: PLC0415

    try:
        render = compiled(source, html=html)
    except jinja2.TemplateSyntaxError as error:
        raise InputError("template", f"{where}, line {error.lineno}: {error.message}") from error
    except TooMuchError as error:
        raise InputError("template", f"{where} {error}") from error

    def fill(values: Mapping[str, Any]) -> str:
        try:
            return render(values)
        except jinja2.UndefinedError as error:
            raise InputError("template", f"{where}: {error.message}") from error
        except TooMuchError as error:
            raise InputError("template", f"{where} {error}") from error
        except Exception as error:  # a filter or a value of the user's
            raise InputError("template", f"{where}: {error}") from error

    return fill
