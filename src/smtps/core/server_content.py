"""The message as a server receives it: where it ends, without the doubled dots, and how big it is.

Where a message ends is the one question that two servers must never answer differently (SMTP
smuggling, CVE-2023-51764)::

    … CR LF . CR LF      the end, and nothing else is
    … LF . CR LF         content: a receiver who takes it for the end would read commands out of
    … CR LF . LF         somebody's text
    … CR . CR
"""

from __future__ import annotations

_LINE_DOT = b"\r\n."


class DotRemover:
    """Finds the end, and takes away the dot that was doubled (RFC 5321 section 4.5.2), as a stream.

    Gives the same octets for every cut.
    """

    def __init__(self) -> None:
        # The message begins at the start of a line: as if a line end stood before it.
        self._held = b"\r\n"
        self._drop = 2

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The next piece of the message, and what follows its end; None where it goes on."""
        data = self._held + data
        parts: list[bytes] = []
        start = 0
        while (dot := data.find(_LINE_DOT, start)) >= 0:
            after = data[dot + 3 : dot + 5]
            if after == b"\r\n":
                parts.append(data[start : dot + 2])
                return self._without_start(b"".join(parts)), data[dot + 5 :]
            if len(after) < 2 and b"\r\n".startswith(after):
                break  # the next piece will tell
            parts.append(data[start : dot + 2])
            start = dot + 3
        end = dot if dot >= 0 else len(data) - _line_end_begun(data, start)
        parts.append(data[start:end])
        self._held = data[end:]
        return self._without_start(b"".join(parts)), None

    def _without_start(self, piece: bytes) -> bytes:
        dropped = min(self._drop, len(piece))
        self._drop -= dropped
        return piece[dropped:]


def _line_end_begun(data: bytes, start: int) -> int:
    """How many octets at the end may belong to a line end with a dot behind it."""
    for length in (2, 1):
        if len(data) - start >= length and data.endswith(_LINE_DOT[:length]):
            return length
    return 0


class Size:
    """Counts a message, and keeps what is beyond the limit from its reader.

    Attributes:
        octets: so far.
        bare: a CR or LF stood alone somewhere (RFC 5321 section 2.3.8).
    """

    def __init__(self, limit: int) -> None:
        self.octets = 0
        self.bare = False
        self._limit = limit
        self._after_return = False

    @property
    def too_large(self) -> bool:
        """Whether it is more than the limit."""
        return 0 < self._limit < self.octets

    def take(self, piece: bytes) -> bytes:
        """Count a piece; returns it, or nothing once the message is too large."""
        self.octets += len(piece)
        if not self.bare:
            self.bare = self._has_bare(piece)
        return b"" if self.too_large else piece

    def end(self) -> None:
        """The message is over: a CR at its very end stands alone."""
        self.bare = self.bare or self._after_return

    def _has_bare(self, piece: bytes) -> bool:
        if not piece:
            return False
        before = self._after_return
        self._after_return = piece.endswith(b"\r")
        whole = piece.count(b"\r\n") + (before and piece.startswith(b"\n"))
        returns = piece.count(b"\r") + before - self._after_return
        return not returns == piece.count(b"\n") == whole
