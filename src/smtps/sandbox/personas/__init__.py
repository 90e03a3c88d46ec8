"""All personas, one table for each family. Each shows one failure mode."""

from __future__ import annotations

from smtps.errors import InputError, did_you_mean
from smtps.sandbox.persona import Persona
from smtps.sandbox.personas import access_tokens, certificates, dialogues, handshakes

HEALTHY = Persona(
    name="healthy",
    summary="everything works",
    auth=("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"),
    chunking=True,
    offers=("LIMITS RCPTMAX=1000",),
)

PERSONAS: dict[str, Persona] = {
    persona.name: persona
    for persona in (
        HEALTHY,
        *certificates.PERSONAS,
        *handshakes.PERSONAS,
        *dialogues.PERSONAS,
        *dialogues.LOGINS,
        *dialogues.ENVELOPES,
        *access_tokens.PERSONAS,
    )
}


def persona_named(name: str) -> Persona:
    """Look one up.

    Raises:
        InputError: there is none of that name; tells those that come near.
    """
    try:
        return PERSONAS[name]
    except KeyError:
        near = did_you_mean(name, PERSONAS, most=3)
        raise InputError("persona", f"{name!r} is not known{near} (smtps sandbox --list)") from None
