"""Logging in: which mechanism, and the exchange itself (RFC 4954)."""

from __future__ import annotations

from smtps.client import scram
from smtps.client.dialogue import Dialogue
from smtps.client.refusals import refusal
from smtps.core import sasl
from smtps.core.command import CANCEL_AUTH, auth, response
from smtps.core.reply import Reply
from smtps.errors import LoginError, Phase, RefusedError
from smtps.options import Endpoint


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
                f"{wanted} needs channel binding, which Python can do with TLS 1.2 only.",
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
) -> str:
    """Log in with the strongest mechanism that both sides have.

    A reply that speaks of the mechanism lets the next one be tried; one that speaks of the
    credentials is the end, since every further try counts as another failed login.

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
        for name in mechanisms(offered, endpoint, channel_binding=channel_binding is not None):
            mechanism = build(name, endpoint, channel_binding)
            reply = await _run(dialogue, mechanism, endpoint.username or "")
            if reply.positive:
                return name
            if reply.code not in sasl.TRY_NEXT:
                break
        raise _refused(reply, mechanism)
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
        return mechanism.respond(sasl.decode_challenge(reply.text))
    except LoginError:
        await dialogue.command(CANCEL_AUTH)
        raise


def _refused(reply: Reply, mechanism: sasl.Mechanism) -> RefusedError:
    explained = mechanism.explain()
    token = mechanism.name in sasl.TOKEN_ORDER and reply.code == 535
    return refusal(
        Phase.AUTH,
        reply,
        remark=f" ({mechanism.name})" + (f" because of {explained}" if explained else ""),
        code="auth.token_rejected" if token else None,
    )
