"""One thing that is wrong, or worth knowing, in the words of the advice table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from smtps.advice import Severity, Who, advice_for
from smtps.errors import Failure


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, what it means, what to do, and who can.

    Attributes:
        code: stable name.
        severity: error, warning or info.
        seen: verbatim evidence, with the address.
        meaning: one plain sentence.
        fix: what to do.
        audience: ``you``, ``operator`` or ``network``.
        see: where to read on, such as ``RFC 8314 section 3``; may be empty.
        commands: lines for whoever does it to type, with what is known filled in.
        explains: the failure that this is the finding of, if any; it is not shown.
    """

    code: str
    severity: Severity
    seen: str
    meaning: str
    fix: str
    audience: Who
    see: str = ""
    commands: tuple[str, ...] = ()
    explains: Failure | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, code: str, seen: str, *, severity: Severity | None = None) -> Self:
        """A finding with the words of the table, and its severity unless another is given."""
        advice = advice_for(code)
        return cls(
            code,
            severity or advice.severity,
            seen,
            advice.meaning,
            advice.fix,
            advice.audience,
            advice.see,
        )

    @classmethod
    def from_failure(cls, failure: Failure) -> Self:
        """The finding that a failure is."""
        where = f"{failure.address}: " if failure.address else ""
        # What OpenSSL or the resolver called it: the words that people search for.
        words = failure.seen
        if words and (words in failure.message or repr(words)[1:-1] in failure.message):
            words = None
        found = cls.of(failure.code, where + failure.message + (f" ({words})" if words else ""))
        return found.explaining(failure)

    def explaining(self, failure: Failure | None) -> Self:
        """The same as the finding that a failure is."""
        return replace(self, explains=failure)

    def with_severity(self, severity: Severity) -> Finding:
        """The same, mattering more or less."""
        return replace(self, severity=severity)

    def with_fix(self, fix: str | None, audience: Who | None = None) -> Finding:
        """The same with a better remedy, if there is one, and who can apply it."""
        return replace(self, fix=fix or self.fix, audience=audience or self.audience)

    def with_commands(self, commands: tuple[str, ...]) -> Finding:
        """The same with lines to type."""
        return replace(self, commands=commands)

    def as_json(self) -> dict[str, Any]:
        """``{"code", "severity", "seen", "meaning", "fix", "commands", "for", "see"}``."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "seen": self.seen,
            "meaning": self.meaning,
            "fix": self.fix,
            "commands": list(self.commands),
            "for": self.audience.value,
            "see": self.see or None,
        }
