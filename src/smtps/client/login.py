"""Logging in: which mechanism, and the exchange itself (RFC 4954)."""

from __future__ import annotations

import asyncio

from smtps import credentials
from smtps.client import scram
from smtps.client.dialogue import Dialogue
from smtps.client.refusals import refusal
from smtps.core import sasl
from smtps.core.command import CANCEL_AUTH, auth, response
from smtps.core.reply import Reply
from smtps.errors import LoginError, Phase, RefusedError
from smtps.options import Endpoint

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
        fits = wanted in sasl.SIMPLE or wanted in scram.NAMES
        if wanted.endswith("-PLUS") and not channel_binding:
            raise LoginError(
                "auth.no_channel_binding",
                f"{wanted} needs channel binding, which this TLS connection does not give.",
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
            "The server offers no login on this port (no AUTH in its answer to EHLO).",
            phase=Phase.AUTH,
        )
    raise LoginError(
        "auth.no_common_mechanism",
        f"The server offers {', '.join(offered)}; none of them can be used with these credentials"
        + (f" as {endpoint.mechanism} was asked for." if endpoint.mechanism else "."),
        phase=Phase.AUTH,
        seen=" ".join(offered),
    )


def build(
    name: str, endpoint: Endpoint, channel_binding: tuple[str, bytes] | None
) -> sasl.Mechanism:
    """One run of a mechanism with the credentials of the endpoint."""
    username = endpoint.username or ""
    secret = endpoint.password if endpoint.password is not None else endpoint.access_token or ""
    if name in scram.NAMES:
        return scram.Scram(name, username, secret, channel_binding)
    return sasl.SIMPLE[name](username, secret, endpoint.host, endpoint.port)


async def login(
    dialogue: Dialogue,
    endpoint: Endpoint,
    channel_binding: tuple[str, bytes] | None = None,
    tried: list[str] | None = None,
) -> str:
    """Log in with the strongest mechanism that both sides have.

    A reply that speaks of the mechanism lets the next one be tried; one that speaks of the
    credentials is the end, since every further try counts as another failed login. So does one to
    a channel binding of a type that the server does not know: it is refused before anything of the
    password was said. The next is then without, and says that this client has none (RFC 5802
    section 6), as a client without channel binding does.

    Args:
        dialogue: after EHLO.
        endpoint: the credentials.
        channel_binding: of the connection, where there is one.
        tried: gets the mechanisms in turn, whatever comes of them.

    Returns:
        The mechanism that was used.

    Raises:
        LoginError: the server said no, or there is no common mechanism.
    """
    for secret in (endpoint.password, endpoint.access_token):
        if secret:
            dialogue.transcript.redact.learn(secret)
    offered = dialogue.connection.capabilities.auth
    try:
        names = mechanisms(offered, endpoint, channel_binding=channel_binding is not None)
        while names:
            name = names.pop(0)
            if tried is not None:
                tried.append(name)
            mechanism = build(name, endpoint, scram.bound(name, offered, channel_binding))
            reply = await _run(dialogue, mechanism, endpoint.username or "")
            if reply.positive:
                return name
            if scram.knows_no_such_binding(mechanism, reply):
                names = [each for each in names if not each.endswith(scram.PLUS)]
            elif reply.code not in sasl.TRY_NEXT:
                break
        raise _refused(reply, mechanism, endpoint, offered)
    except LoginError as error:
        error.locate(phase=Phase.AUTH, address=dialogue.wire.address)
        raise


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
        if isinstance(mechanism, scram.Scram) and mechanism.takes_long(said):
            return await asyncio.to_thread(mechanism.respond, said)
        return mechanism.respond(said)
    except LoginError:
        await dialogue.command(CANCEL_AUTH)
        raise


def _refused(
    reply: Reply, mechanism: sasl.Mechanism, endpoint: Endpoint, offered: tuple[str, ...]
) -> RefusedError:
    token = mechanism.name in sasl.TOKEN_ORDER and reply.code == 535
    remarks = [mechanism.name]
    if plain := in_vain(mechanism.name, offered):
        remarks.append(f"{plain} is offered too, and may work")
    remarks += unseen(endpoint)
    explained = mechanism.explain()
    return refusal(
        Phase.AUTH,
        reply,
        remark=f" ({'; '.join(remarks)})" + (f" because of {explained}" if explained else ""),
        code="auth.token_rejected" if token else scram.code_of(mechanism, reply),
    )


def in_vain(tried: str, offered: tuple[str, ...]) -> str | None:
    """The mechanism to name beside one that the server refused. Some offer mechanisms for which
    they would need the password itself, and keep it in another form.
    """
    if tried in sasl.PLAINTEXT or tried not in sasl.PASSWORD_ORDER:
        return None
    return next((name for name in sasl.PLAINTEXT if name in offered), None)


def unseen(endpoint: Endpoint) -> tuple[str, ...]:
    """What nobody sees in the credentials, one sentence for each of them; nothing secret."""
    held = (
        ("user name", endpoint.username),
        ("password", endpoint.password),
        ("access token", endpoint.access_token),
    )
    found = [(name, credentials.unseen(text)) for name, text in held if text]
    return tuple(f"the {name} holds a {', a '.join(odd)}" for name, odd in found if odd)
