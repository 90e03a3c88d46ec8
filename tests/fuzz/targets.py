"""All that is fuzzed."""

from __future__ import annotations

from tests.fuzz import certificates, language, mail, names, web

TARGETS = {
    target.name: target
    for module in (language, certificates, names, web, mail)
    for target in module.TARGETS
}
"""By name."""
