"""What requests may hold: the portofcall API's fields first, then ours."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)

from smtps.client.outgoing import DSN, Envelope, Outgoing, prepare
from smtps.endpoint import Endpoint, Partial, Security, Timeouts
from smtps.errors import InputError
from smtps.http.host_field import with_host_alone
from smtps.message.addresses import NameAddr
from smtps.message.message import Attachment, Message


def _no_bool(value: Any) -> Any:
    """JSON's true is no number, whatever Python thinks."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  # pydantic wants this one
    return value


def _no_number(value: Any) -> Any:
    """And 0 is no answer to a yes-or-no question. (A query has words for it.)"""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004
    return value


Number = Annotated[int, BeforeValidator(_no_bool)]
Flag = Annotated[bool, BeforeValidator(_no_number)]


HostIs = Literal["account", "provider", "persona", "host"]
"""What a host may be the name of, the first that it is."""


class ServerFields(BaseModel):
    """Which server, and who to be there."""

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(description="Host name or address.", examples=["smtp.example.com"])]
    port: Annotated[Number, Field(ge=1, le=65535)] = 465
    username: str | None = None
    password: Annotated[str | None, Field(repr=False)] = None
    access_token: Annotated[str | None, Field(repr=False)] = None
    mechanism: str | None = None
    security: Annotated[
        Security | None, Field(description="If omitted, it follows from the port.")
    ] = None
    verify: Flag = True
    allow_unverified_login: Flag = False
    ehlo_name: Annotated[str, Field(min_length=1)] = "portofcall"
    account: Annotated[
        str | None,
        Field(description="An account of the service, in place of host, login and trust."),
    ] = None
    _server: Endpoint | None = PrivateAttr(None)
    _host_is: HostIs = PrivateAttr("host")

    @model_validator(mode="before")
    @classmethod
    def _host_alone(cls, data: Any) -> Any:
        """A port, and what else may stand in ``host``, in the fields for it."""
        if not isinstance(data, dict):
            return data
        host = data.get("host")
        if isinstance(host, str) and (":" in host or " " in host):
            return with_host_alone(data, host)
        return data

    @model_validator(mode="before")
    @classmethod
    def _host_of_the_account(cls, data: Any) -> Any:
        """An account has its server."""
        if isinstance(data, dict) and data.get("account") is not None and "host" not in data:
            return {**data, "host": ""}
        return data

    def logs_in(self) -> bool:
        """Whether it says how to log in."""
        return bool(self.model_fields_set & _OF_AN_ACCOUNT)

    def check_account_alone(self) -> None:
        """Make sure that nothing is given that the account has.

        Raises:
            InputError: something is.
        """
        given = self.model_fields_set & _OF_AN_ACCOUNT
        if self.host or given:
            name = "host" if self.host else min(given)
            raise InputError("account", f"cannot be combined with {name}, which the account has")

    def at(self, server: Endpoint) -> Self:
        """The same request at the server of its account."""
        placed = self.model_copy(update={"host": server.host, "port": server.port})
        placed.place(server)
        return placed

    @property
    def host_is(self) -> HostIs:
        """What the host was the name of."""
        return self._host_is

    def named(self, host_is: HostIs, **fields: Any) -> Self:
        """The same request with what a name stands for, where no field of it says otherwise."""
        given = self.model_fields_set - {"host"}
        update = {name: value for name, value in fields.items() if name not in given}
        found = self.model_copy(update=update)
        found.call_host(host_is)
        return found

    def call_host(self, host_is: HostIs) -> None:
        """Say what the host was the name of."""
        self._host_is = host_is

    def place(self, server: Endpoint) -> None:
        """Go to this server, whatever the fields say."""
        self._server = server

    def endpoint(
        self,
        timeout: int,
        ca_file: str | None = None,
        resolver: str | None = None,
        *,
        transcript: bool = True,
    ) -> Endpoint:
        """The endpoint that is meant.

        Args:
            timeout: milliseconds for everything together.
            ca_file: authority to trust in place of the system's.
            resolver: DNS server to ask in place of the system's resolver.
            transcript: keep what is said.
        """
        if self._server is not None:
            return replace(self._server, timeouts=_timeouts(timeout), transcript=transcript)
        return Endpoint(
            self.host,
            self.port,
            security=cast(Security, self.security),
            username=self.username or None,
            password=self.password or None,
            access_token=self.access_token or None,
            mechanism=self.mechanism,
            verify=self.verify,
            allow_unverified_login=self.allow_unverified_login,
            ehlo_name=self.ehlo_name,
            ca_file=ca_file,
            resolver=resolver,
            transcript=transcript,
            timeouts=_timeouts(timeout),
        )


_OF_AN_ACCOUNT = frozenset({
    "port", "username", "password", "access_token", "mechanism", "security", "verify",
    "allow_unverified_login", "ehlo_name",
})  # fmt: skip

Milliseconds = Annotated[Number, Field(ge=1, le=300_000, description="Milliseconds.")]


class ConnectRequest(ServerFields):
    """``POST /api/smtps/connect``."""

    timeout: Milliseconds = 15_000


class ConnectQuery(ConnectRequest):
    """``GET /api/smtps/connect``."""

    detail: Literal["full"] | None = None


class CheckRequest(ConnectRequest):
    """``POST /api/smtps/check``: a connection test of every address, and as much more as wanted."""

    host: Annotated[
        str,
        Field(
            description="Host name, address, or a mail address, whose server is discovered first.",
            examples=["smtp.example.com"],
        ),
    ]
    deep: Annotated[
        Flag, Field(description="Each TLS version, weak ciphers, each login mechanism, DNS.")
    ] = False
    from_: Annotated[
        str | None,
        Field(
            alias="from",
            description="Ask whether the server would accept this sender. Sends no mail.",
        ),
    ] = None
    to: Annotated[list[str], Field(description="And these recipients.", max_length=10)] = []
    size: Annotated[Number | None, Field(ge=1, description="And a message of this many bytes.")] = (
        None
    )
    control: Annotated[
        str | None,
        Field(
            description="Tried on the same port if the server does not answer, to find out "
            "whether the network blocks it."
        ),
    ] = None

    def envelope(self) -> Envelope | None:
        """What to ask the server about, if anything.

        Raises:
            InputError: half of it is missing, or an address is wrong.
        """
        if self.from_ is None:
            for field in ("to", "size"):
                if getattr(self, field):
                    raise InputError(field, "requires from")
            return None
        return Envelope.of(self.from_, self.to)


class CheckQuery(CheckRequest):
    """``GET /api/smtps/check``."""

    detail: Literal["full"] | None = None


class Person(BaseModel):
    """A mailbox with a name."""

    model_config = ConfigDict(extra="forbid")
    email: str
    name: str = ""


class File(BaseModel):
    """An attachment."""

    model_config = ConfigDict(extra="forbid")
    filename: str
    content: Annotated[str, Field(description="base64")]
    content_type: str = ""
    content_id: str | None = None
    disposition: Literal["attachment", "inline"] = "attachment"


class EnvelopeFields(BaseModel):
    """Reverse-path and recipients, whatever the header says."""

    model_config = ConfigDict(extra="forbid")
    from_: Annotated[str | None, Field(alias="from")] = None
    to: list[str]


class DSNFields(BaseModel):
    """Delivery status notifications (RFC 3461)."""

    model_config = ConfigDict(extra="forbid")
    ret: Literal["FULL", "HDRS"] | None = None
    envid: str | None = None
    notify: list[Literal["NEVER", "SUCCESS", "FAILURE", "DELAY"]] | None = None
    orcpt: Flag = False


Who = str | Person
Several = Who | list[Who]


class MessageFields(BaseModel):
    """A message, composed or raw, and how to send it."""

    model_config = ConfigDict(extra="forbid")

    from_: Annotated[Who, Field(alias="from")]
    to: Several = Field(default_factory=list)
    subject: str = ""
    body: str | None = None
    cc: Several = Field(default_factory=list)
    bcc: Several = Field(default_factory=list)
    reply_to: Several = Field(default_factory=list)
    html: str | None = None
    attachments: list[File] = Field(default_factory=list)
    headers: dict[str, str] = Field(default_factory=dict)
    sender: Annotated[Who | None, Field(description="who sends it for the author")] = None
    alternatives: Annotated[
        list[File], Field(description="alternative forms of the text, such as an invitation")
    ] = Field(default_factory=list)
    raw: Annotated[str | None, Field(description="a finished message, base64")] = None
    keep_bcc: Annotated[Flag, Field(description="raw may show its Bcc field to all recipients")] = (
        False
    )
    envelope: EnvelopeFields | None = None
    dsn: DSNFields | None = None
    require_tls: Flag = False
    partial: Partial = "abort"

    @model_validator(mode="before")
    @classmethod
    def _from_of_the_envelope(cls, data: Any) -> Any:
        """A raw message with its envelope has said all: From stands in its header."""
        if not isinstance(data, dict) or "from" in data or data.get("raw") is None:
            return data
        envelope = data.get("envelope")
        if not isinstance(envelope, dict):
            return data
        sender = envelope.get("from")
        return {**data, "from": sender if isinstance(sender, str) else ""}

    @property
    def octets(self) -> int:
        """About how large it is."""
        files = (*self.attachments, *self.alternatives)
        texts = (self.raw, self.body, self.html, *(file.content for file in files))
        return sum(len(text) for text in texts if text is not None)

    def ready(self, files: Iterable[Attachment] = ()) -> Outgoing:
        """The message as it goes out.

        Args:
            files: attachments that came beside the fields.

        Raises:
            InputError: it cannot be sent as it stands; names the field.
        """
        return prepare(self.message(files), self.explicit_envelope(), keep_bcc=self.keep_bcc)

    def message(self, files: Iterable[Attachment] = ()) -> Message | bytes:
        """What is to be sent.

        Args:
            files: attachments that came beside the fields.

        Raises:
            InputError: it cannot be sent as it stands; names the field.
        """
        if self.raw is not None:
            for name in _COMPOSED:
                if getattr(self, name) or (name == "attachments" and files):
                    raise InputError(
                        name, "cannot be combined with raw, which is the whole message"
                    )
            return _decode("raw", self.raw)
        if self.keep_bcc:
            raise InputError("keep_bcc", "requires raw; bcc is never written to the header")
        return Message(
            from_=_who(self.from_),
            sender=None if self.sender is None else _who(self.sender),
            to=_several(self.to),
            cc=_several(self.cc),
            bcc=_several(self.bcc),
            reply_to=_several(self.reply_to),
            subject=self.subject,
            text=self.body,
            html=self.html,
            attachments=[*_files("attachments", self.attachments), *files],
            alternatives=_files("alternatives", self.alternatives),
            headers=self.headers,
        )

    def explicit_envelope(self) -> Envelope | None:
        """The envelope, where it does not follow from the message."""
        if self.envelope is not None:
            return Envelope.of(self.envelope.from_, self.envelope.to)
        if self.raw is None:
            return None
        people = [who.email for field in (self.to, self.cc, self.bcc) for who in _several(field)]
        return Envelope.of(_who(self.from_).email, people)

    def notifications(self) -> DSN | None:
        """What delivery status notifications to ask for."""
        if self.dsn is None:
            return None
        notify = tuple(self.dsn.notify) if self.dsn.notify is not None else None
        return DSN(ret=self.dsn.ret, envid=self.dsn.envid, notify=notify, orcpt=self.dsn.orcpt)


class SendRequest(ServerFields, MessageFields):
    """``POST /api/smtps/send``."""

    timeout: Milliseconds = 30_000
    dry_run: Flag = False

    def as_given(self) -> dict[str, Any]:
        """``from`` and ``to`` as they were in the request, for the answer."""
        to = [_given(who) for who in self.to] if isinstance(self.to, list) else _given(self.to)
        return {"from": _given(self.from_), "to": to}


_COMPOSED = ("subject", "body", "html", "attachments", "alternatives", "headers", "sender")
"""What a raw message has in it already."""


def _files(name: str, files: list[File]) -> list[Attachment]:
    return [
        Attachment(
            filename=file.filename,
            content=_decode(f"{name}[{number}].content", file.content),
            content_type=file.content_type,
            content_id=file.content_id,
            disposition=file.disposition,
        )
        for number, file in enumerate(files)
    ]


@lru_cache(maxsize=64)
def _timeouts(total: int) -> Timeouts:
    return Timeouts(total=total / 1000)


def _given(value: Who) -> str | dict[str, Any]:
    return value.model_dump() if isinstance(value, Person) else value


def _who(value: Who) -> NameAddr:
    if isinstance(value, Person):
        return NameAddr(value.email, value.name)
    return NameAddr.parse(value)


def _several(value: Several) -> list[NameAddr]:
    return [_who(entry) for entry in (value if isinstance(value, list) else [value])]


def _decode(field: str, text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(field, f"is not base64: {error}") from error
