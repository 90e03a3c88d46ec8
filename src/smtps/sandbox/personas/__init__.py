"""All personas, one table for each family. Each shows one failure mode."""

from __future__ import annotations

import difflib

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
        InputError: there is none of that name; tells those that come near.
    """
    try:
        return PERSONAS[name]
    except KeyError:
        near = ", ".join(difflib.get_close_matches(name, PERSONAS, 3, 0.5))
        meant = f"; did you mean {near}?" if near else ""
        raise InputError(
            "persona", f"{name!r} is not known{meant} (smtps sandbox --list)"
        ) from None
