"""What an examination of a configuration has found."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from smtps.errors import SMTPSError


@dataclass(frozen=True, slots=True)
class Problem:
    """Why it would not start, or not work.

    Attributes:
        setting: its path, such as ``accounts.main.port``.
        where: the same as the place that it is read from calls it.
        problem: what is wrong and what to do.
    """

    setting: str
    where: str
    problem: str


@dataclass(slots=True)
class Findings:
    """All of it.

    Attributes:
        file: where settings were read from, if there is one.
        flags: settings of the command line.
        written: settings of the file.
        problems: why it would not start, or not work.
        tried: what was found to be good, a sentence each.
        notes: what is no problem and worth knowing.
        untried: what nobody can tell without starting it.
    """

    file: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)

    def add(self, setting: str, problem: str) -> None:
        """Note a problem, once."""
        found = Problem(setting, self.where(setting), problem)
        if found not in self.problems:
            self.problems.append(found)

    def where(self, setting: str) -> str:
        """What the place that a setting is read from calls it."""
        top = setting.partition(".")[0]
        if top in self.flags:
            return f"--{top.replace('_', '-')}"
        variable = f"SMTPS_{top.upper()}"
        if variable in os.environ:
            return variable if top == setting else f"{setting} in {variable}"
        if top in self.written or self.file is None or top == "config":
            return setting if self.file is None or top == "config" else f"{setting} in {self.file}"
        return f"{setting}, which is not set in {self.file}"

    @contextmanager
    def noting(self, setting: str, *, within: str = "") -> Iterator[None]:
        """Note an error of ours as a problem with a setting, and go on.

        Args:
            setting: to blame, where the error names none.
            within: what the setting that the error names is a part of.
        """
        try:
            yield
        except SMTPSError as error:
            blamed, message = error.failure.field, str(error)
            if blamed is None:
                self.add(setting, message)
                return
            self.add(f"{within}{blamed}" if within else blamed, message.removeprefix(f"{blamed}: "))

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "starts": not self.problems,
            "file": self.file,
            "problems": [
                {"setting": one.setting, "where": one.where, "problem": one.problem}
                for one in self.problems
            ],
            "tried": self.tried,
            "notes": self.notes,
            "not_tried": self.untried,
        }
