"""All situations, by group."""

from __future__ import annotations

from tests.field.situation import Situation

from . import (
    below,
    certificates,
    chains,
    dialogue,
    envelope,
    handshakes,
    interception,
    login,
    names,
    network,
    ports,
    software,
)

SITUATIONS: tuple[Situation, ...] = tuple(
    situation
    for module in (
        interception, certificates, chains, handshakes, below, names, network, dialogue, login,
        envelope, ports, software,
    )
    for situation in module.SITUATIONS
)  # fmt: skip
