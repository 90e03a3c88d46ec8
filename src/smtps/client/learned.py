"""What a server has shown about itself, beyond what it offers in its answer to EHLO."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from smtps.client.attempts import Shunned

EXIM_RESETS = 10
"""Its option smtp_accept_max_nonmail, as it comes."""

_EXIM = re.compile(r"\bExim\b|^(?:X_)?PIPE_?CONNECT\b|^OK id=\w+-\w+-\w+$")


@dataclass(slots=True)
class Learned:
    """One for each server; all sessions with it share it, and none forgets.

    Attributes:
        overlapping: it takes the next envelope before it has answered the message before. RFC 2920
            section 3.1 allows that, and some servers refuse it since it helps to smuggle mail.
        pipelining: it takes commands that go out together.
        proven: it has answered such commands, each in its turn. Before, no message goes out with
            its envelope: a server that loses commands, or says a reply too many, is found out
            while nothing is in doubt.
        chunking: it takes BDAT.
        literal: it takes the client's address, and not its name, in EHLO.
        resets: so many RSET it takes on a connection, and hangs up at the next; the first behind
            a message that it took is not counted. None: it is not known to count them.
        shunned: its addresses that let nobody in of late.
    """

    overlapping: bool = True
    pipelining: bool = True
    proven: bool = False
    chunking: bool = True
    literal: bool = False
    resets: int | None = None
    shunned: Shunned = field(default_factory=Shunned)

    def recognise(self, *words: str) -> None:
        """Note what is known of a server that names itself.

        Args:
            words: of its greeting, its answer to EHLO, or to a message.
        """
        if self.resets is None and any(_EXIM.search(text) for text in words):
            self.resets = EXIM_RESETS
