"""Logging in: the choice of a mechanism and the exchange itself (RFC 4954).

SCRAM (RFC 5802, RFC 7677) proves to both sides that the other knows the password. The scramp
library does the arithmetic; here it gets the interface of the other mechanisms.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from smtps import credentials
from smtps.client.dialogue import Dialogue
from smtps.client.result import meaning, refusal
from smtps.core import sasl
from smtps.core.command import CANCEL_AUTH, auth, response
from smtps.core.reply import Reply, printable
from smtps.endpoint import Endpoint
from smtps.errors import LoginError, Phase, PhaseTimeoutError, RefusedError, TokenError
from smtps.net.timing import timed, within

PLUS = "-PLUS"
NAMES = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1")

MOST_ITERATIONS = 1_000_000
"""Of the hash function, for which the server asks (RFC 5802 section 5.1): about half a second.
Servers ask for 4,096 to some 100,000."""

_LONG = 20_000
"""Iterations that take ten milliseconds."""

_ITERATIONS = re.compile(rb"(?:^|,)i=([0-9]+)")


class Scram:
    """One run of a SCRAM mechanism.

    Args:
        name: one of NAMES.
        username: user name to log in with.
        password: never sent, not even as a hash.
        channel_binding: type and data (RFC 5929), for ``-PLUS``. Given to another, it says that
            this client could have and the server does not offer it; see ``bound``.

    Attributes:
        error: what the server called the reason of a refusal, if it did (RFC 5802 section 7).
        heard: challenges of the server so far; the first answers nothing but the user name.
    """

    def __init__(
        self,
        name: str,
        username: str,
        password: str,
        channel_binding: tuple[str, bytes] | None = None,
    ) -> None:
        import scramp  # late: a fifth of a second to import  # noqa: PLC0415

        self.name = name
        self._client: Any = self._checked(
            lambda: scramp.ScramClient([name], username, password, channel_binding=channel_binding)
        )
        self.heard = 0
        self.error: str | None = None

    @property
    def listens(self) -> bool:
        """What the server says is half of the proof."""
        return True

    def initial(self) -> bytes:
        """client-first-message."""
        first: str = self._checked(self._client.get_client_first)
        return first.encode()

    def respond(self, challenge: bytes) -> bytes:
        """client-final-message; then the empty line behind the server's proof, or its error."""
        text = challenge.decode("utf-8", "replace")
        self.heard += 1
        if self.heard == 1:
            self._judge_iterations(challenge)
            self._proven(lambda: self._client.set_server_first(text))
            final: str = self._checked(self._client.get_client_final)
            return final.encode()
        if self.heard == 2 and text.startswith("e="):  # RFC 5802 section 7, server-error
            self.error = printable(challenge[2:80])
            return b""
        self._proven(lambda: self._client.set_server_final(text))
        return b""

    def takes_long(self, challenge: bytes) -> bool:
        """Whether to answer this apart from the event loop."""
        return self.heard == 0 and _LONG < _iterations(challenge) <= MOST_ITERATIONS

    def _judge_iterations(self, challenge: bytes) -> None:
        """Refuse to calculate for hours."""
        if _iterations(challenge) > MOST_ITERATIONS:
            raise LoginError(
                "auth.scram_failed",
                f"The {self.name} exchange failed: the server asks for more than "
                f"{MOST_ITERATIONS} iterations.",
            )

    def finished(self) -> None:
        """The server must have proven that it knows the password too."""
        if self.heard < 2 or self.error is not None:
            raise LoginError(
                "auth.server_not_proven",
                "The server accepted the login without proving that it knows the password: it may "
                "not be the real server.",
            )

    def explain(self) -> str | None:
        """The server's error, if it told one."""
        return self.error

    def _proven(self, step: Callable[[], Any]) -> None:
        """What only a server that knows the password can say."""
        try:
            step()
        except Exception as error:  # the library raises whatever comes to hand
            raise LoginError(
                "auth.server_not_proven",
                f"The server did not prove that it knows the password ({self.name}: "
                f"{str(error)[:200]}): it may not be the real server.",
            ) from error

    def _checked(self, step: Callable[[], Any]) -> Any:
        from scramp import ScramException  # noqa: PLC0415

        try:
            return step()
        except (ScramException, ValueError) as error:
            raise LoginError(
                "auth.scram_failed", f"The {self.name} exchange failed: {error}."
            ) from error


def _iterations(challenge: bytes) -> int:
    """How many a server asks for."""
    found = _ITERATIONS.search(challenge)
    return int(found[1][:12]) if found is not None else 0


def bound(
    name: str, offered: tuple[str, ...], channel_binding: tuple[str, bytes] | None
) -> tuple[str, bytes] | None:
    """The binding to give to a mechanism, by which it chooses its flag (RFC 5802 section 6).

    With ``-PLUS`` it is ``p``: the login is bound. Without, and where no ``-PLUS`` is offered, it
    is ``y``: the server notices if somebody on the way took its offer out. Where one is offered and
    not used, ``y`` would be a lie that the server has to refuse, so it is ``n``.
    """
    if name.endswith(PLUS) or not any(each.endswith(PLUS) for each in offered):
        return channel_binding
    return None


_NO_SUCH_BINDING = ("unsupported-channel-binding-type", "channel-binding-not-supported")
_ANOTHER_CHANNEL = "channel-bindings-dont-match"


def knows_no_such_binding(mechanism: object, reply: Reply) -> bool:
    """Whether a server refused the type of channel binding, and not the credentials.

    It says so by name, or refuses for good what was said first: that has only the user's name and
    the type in it. A binding of the right type that does not match is never taken for this.
    """
    if not isinstance(mechanism, Scram) or not mechanism.name.endswith(PLUS):
        return False
    return mechanism.error in _NO_SUCH_BINDING or (mechanism.heard == 0 and reply.kind == 5)


def code_of(mechanism: object, reply: Reply) -> str | None:
    """A better code for a refused login than the reply's words give, or None."""
    if not isinstance(mechanism, Scram):
        return None
    if mechanism.error == _ANOTHER_CHANNEL or _ANOTHER_CHANNEL in reply.text:
        return "auth.channel_binding_mismatch"
    return "auth.no_channel_binding" if mechanism.error in _NO_SUCH_BINDING else None


UNSAID = frozenset({"auth.not_offered", "auth.no_common_mechanism", "auth.no_channel_binding"})
"""Failures of a login of which nothing was said to the server."""


def mechanisms(offered: tuple[str, ...], endpoint: Endpoint, *, channel_binding: bool) -> list[str]:
    """The mechanisms to try in turn, strongest first.

    Args:
        offered: by the server.
        endpoint: the credentials, and perhaps the one mechanism that is wanted.
        channel_binding: whether ``-PLUS`` is possible here.

    Raises:
        LoginError: none fits; says what is offered.
    """
    if endpoint.mechanism is not None:
        wanted = endpoint.mechanism.upper()
        order: tuple[str, ...] = (wanted,)
        fits = wanted in sasl.SIMPLE or wanted in NAMES
        if wanted.endswith("-PLUS") and not channel_binding:
            raise LoginError(
                "auth.no_channel_binding",
                f"{wanted} needs channel binding, which this TLS connection does not provide.",
            )
    else:
        order = sasl.PASSWORD_ORDER if endpoint.password is not None else sasl.TOKEN_ORDER
        fits = True
    if not channel_binding:
        order = tuple(name for name in order if not name.endswith("-PLUS"))
    if fits and (found := sasl.candidates(offered, order)):
        return found
    if not offered:
        raise LoginError(
            "auth.not_offered",
            "The server offers no login on this port (its reply to EHLO names no mechanism).",
            phase=Phase.AUTH,
        )
    raise LoginError(
        "auth.no_common_mechanism",
        f"The server offers {', '.join(offered)}; none of these works with these credentials"
        + (f" and the requested mechanism {endpoint.mechanism}." if endpoint.mechanism else "."),
        phase=Phase.AUTH,
        seen=" ".join(offered),
    )


def build(
    name: str, endpoint: Endpoint, channel_binding: tuple[str, bytes] | None
) -> sasl.Mechanism:
    """One run of a mechanism with the credentials of the endpoint."""
    username = endpoint.username or ""
    secret = endpoint.password if endpoint.password is not None else endpoint.access_token or ""
    if name in NAMES:
        return Scram(name, username, secret, channel_binding)
    return sasl.SIMPLE[name](username, secret, endpoint.host, endpoint.port)


async def login(
    dialogue: Dialogue,
    endpoint: Endpoint,
    channel_binding: tuple[str, bytes] | None = None,
    tried: list[str] | None = None,
    timings: dict[str, float] | None = None,
) -> str:
    """Log in with the strongest mechanism that both sides have.

    A reply that speaks of the mechanism lets the next one be tried; one that speaks of the
    credentials is the end, since every further try counts as another failed login. So does one to
    a channel binding of a type that the server does not know: it is refused before anything of the
    password was said. The next is then without, and says that this client has none (RFC 5802
    section 6), as a client without channel binding does.

    A token that the server refuses is replaced once, where there is a source of others.

    Args:
        dialogue: after EHLO.
        endpoint: the credentials.
        channel_binding: of the connection, where there is one.
        tried: gets the mechanisms in turn, whatever comes of them.
        timings: gets the milliseconds that the source took, as ``token``.

    Returns:
        The mechanism that was used.

    Raises:
        TokenError: there is no access token; nothing was said to the server.
        LoginError: the server said no, or there is no common mechanism.
    """
    timings = {} if timings is None else timings
    try:
        _offers(dialogue, endpoint, channel_binding)
        if endpoint.token_source is None:
            return await _log_in(dialogue, endpoint, channel_binding, tried)
        token = await _token(dialogue, endpoint, timings)
        try:
            return await _log_in(dialogue, _with(endpoint, token), channel_binding, tried)
        except LoginError as error:
            if error.code != TOKEN_REJECTED:
                raise
            other = await _token(dialogue, endpoint, timings, refused=token)
            if other == token:
                raise
        return await _log_in(dialogue, _with(endpoint, other), channel_binding, tried)
    except LoginError as error:
        if error.phase is not Phase.TOKEN:
            error.locate(phase=Phase.AUTH, address=dialogue.wire.address)
        raise


TOKEN_REJECTED = "auth.token_rejected"  # noqa: S105  # no secret, but a code


def _with(endpoint: Endpoint, token: str) -> Endpoint:
    return replace(endpoint, access_token=token, token_source=None)


async def _token(
    dialogue: Dialogue,
    endpoint: Endpoint,
    timings: dict[str, float],
    refused: str | None = None,
) -> str:
    """An access token, in the time of a command."""
    assert endpoint.token_source is not None
    seconds, deadline = endpoint.timeouts.command, dialogue.deadline
    try:
        with timed(timings, Phase.TOKEN):
            async with within(seconds, Phase.TOKEN, deadline=deadline):
                return await endpoint.token_source.token(refused)
    except PhaseTimeoutError as error:
        failure = error.failure
        raise TokenError(
            failure.code, failure.message, phase=Phase.TOKEN, retryable=True
        ) from error


def _offers(
    dialogue: Dialogue, endpoint: Endpoint, channel_binding: tuple[str, bytes] | None
) -> list[str]:
    offered = dialogue.connection.capabilities.auth
    return mechanisms(offered, endpoint, channel_binding=channel_binding is not None)


async def _log_in(
    dialogue: Dialogue,
    endpoint: Endpoint,
    channel_binding: tuple[str, bytes] | None,
    tried: list[str] | None,
) -> str:
    """Try the mechanisms in turn."""
    for secret in (endpoint.password, endpoint.access_token):
        if secret:
            dialogue.transcript.redact.learn(secret)
    offered = dialogue.connection.capabilities.auth
    names = _offers(dialogue, endpoint, channel_binding)
    while names:
        name = names.pop(0)
        if tried is not None:
            tried.append(name)
        mechanism = build(name, endpoint, bound(name, offered, channel_binding))
        reply = await _run(dialogue, mechanism, endpoint.username or "")
        if reply.positive:
            return name
        if knows_no_such_binding(mechanism, reply):
            names = [each for each in names if not each.endswith(PLUS)]
        elif reply.code not in sasl.TRY_NEXT:
            break
    raise _refused(reply, mechanism, endpoint, offered)


async def _run(dialogue: Dialogue, mechanism: sasl.Mechanism, username: str) -> Reply:
    def hide(data: bytes) -> bytes:
        # Should the server echo it. The user name is no secret: it may stand in MAIL as well.
        if data != username.encode():
            dialogue.transcript.redact.learn(data)
        return data

    initial = mechanism.initial()
    held: bytes | None = None
    if initial is not None and not sasl.fits_initial_response(mechanism.name, hide(initial)):
        initial, held = None, initial
    reply = await dialogue.command(auth(mechanism.name, initial))
    while reply.kind == 3:
        if held is not None:
            answer, held = held, None
        else:
            answer = await _answer(dialogue, mechanism, reply)
        reply = await dialogue.command(response(hide(answer)))
    if reply.positive:
        mechanism.finished()
    return reply


async def _answer(dialogue: Dialogue, mechanism: sasl.Mechanism, reply: Reply) -> bytes:
    try:
        said = sasl.decode_challenge(reply.text) if mechanism.listens else b""
        if isinstance(mechanism, Scram) and mechanism.takes_long(said):
            return await asyncio.to_thread(mechanism.respond, said)
        return mechanism.respond(said)
    except LoginError:
        await dialogue.command(CANCEL_AUTH)
        raise


def _refused(
    reply: Reply, mechanism: sasl.Mechanism, endpoint: Endpoint, offered: tuple[str, ...]
) -> RefusedError:
    said = mechanism.explain()
    token = mechanism.name in sasl.TOKEN_ORDER and _about_the_token(reply, said)
    remarks = [mechanism.name]
    if plain := in_vain(mechanism.name, offered):
        remarks.append(f"{plain} is offered too, and may work")
    remarks += unseen(endpoint)
    return refusal(
        Phase.AUTH,
        reply,
        remark=f" ({'; '.join(remarks)})" + (f" because of {said}" if said else ""),
        code=TOKEN_REJECTED if token else code_of(mechanism, reply),
        seen=said if mechanism.name in sasl.TOKEN_ORDER else None,
    )


def _about_the_token(reply: Reply, said: str | None) -> bool:
    """Whether a refusal is about the token: the server's error says 401 (RFC 7628 section 3.2.2),
    or its reply says no more than that the credentials are refused.
    """
    if meaning(Phase.AUTH, reply) not in _NO_MORE:
        return False
    return reply.code == 535 or re.search(r"\bstatus: 401\b", said or "") is not None


_NO_MORE = frozenset({"auth.rejected", "auth.refused", TOKEN_REJECTED})


def in_vain(tried: str, offered: tuple[str, ...]) -> str | None:
    """The mechanism to name beside one that the server refused. Some offer mechanisms for which
    they would need the password itself, and keep it in another form.
    """
    if tried in sasl.PLAINTEXT or tried not in sasl.PASSWORD_ORDER:
        return None
    return next((name for name in sasl.PLAINTEXT if name in offered), None)


def unseen(endpoint: Endpoint) -> tuple[str, ...]:
    """Invisible characters in the credentials, a sentence for each; nothing secret."""
    held = (
        ("user name", endpoint.username),
        ("password", endpoint.password),
        ("access token", endpoint.access_token),
    )
    found = [(name, credentials.unseen(text)) for name, text in held if text]
    return tuple(f"the {name} contains a {', a '.join(odd)}" for name, odd in found if odd)
