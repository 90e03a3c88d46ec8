"""What a server has shown about itself, beyond what it offers in its answer to EHLO."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Learned:
    """One for each server; all sessions with it share it, and none forgets.

    Attributes:
        overlapping: it takes the next envelope before it has answered the message before. RFC 2920
            section 3.1 allows that, and some servers refuse it since it helps to smuggle mail.
        pipelining: it takes commands that go out together.
        chunking: it takes BDAT.
        literal: it takes the client's address, and not its name, in EHLO.
    """

    overlapping: bool = True
    pipelining: bool = True
    chunking: bool = True
    literal: bool = False
