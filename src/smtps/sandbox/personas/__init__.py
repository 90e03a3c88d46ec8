"""All personas, one table for each family. Each shows one failure mode."""

from __future__ import annotations

from smtps.errors import InputError
from smtps.sandbox.persona import Persona
from smtps.sandbox.personas import certificates, dialogues, envelopes, handshakes, logins

HEALTHY = Persona(name="healthy", summary="everything is as it should be")

PERSONAS: dict[str, Persona] = {
    persona.name: persona
    for persona in (
        HEALTHY,
        *certificates.PERSONAS,
        *handshakes.PERSONAS,
        *dialogues.PERSONAS,
        *logins.PERSONAS,
        *envelopes.PERSONAS,
    )
}


def persona_named(name: str) -> Persona:
    """Look one up.

    Raises:
        InputError: there is none of that name; lists those that are.
    """
    try:
        return PERSONAS[name]
    except KeyError:
        raise InputError("persona", f"must be one of {', '.join(PERSONAS)}") from None
