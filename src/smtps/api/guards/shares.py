"""Places that many want: whoever holds as many as are still free has had its share.

There are twice as many as the setting says. So one caller alone has what the setting says, two have
two thirds of it each, and somebody new always finds a place.
"""

from __future__ import annotations

from collections import Counter

BUSY = "api.busy"
HAD = "api.share_taken"


class Shares:
    """Places, and who holds them.

    Args:
        usual: how many one caller may have while there is no other; altogether there are twice as
            many.
    """

    def __init__(self, usual: int) -> None:
        self._most = 2 * usual
        self._held: Counter[str] = Counter()
        self._taken = 0

    def refuse(self, caller: str, amount: int = 1) -> str | None:
        """The code of why a caller gets no more at the moment; None if it does."""
        held, free = self._held[caller], self._most - self._taken
        if held < free and amount <= free:
            return None
        return HAD if 0 < held < self._taken else BUSY

    def take(self, caller: str, amount: int = 1) -> None:
        """Have them; ``give`` gives them back."""
        self._held[caller] += amount
        self._taken += amount

    def give(self, caller: str, amount: int = 1) -> None:
        """Give them back."""
        self._taken -= amount
        self._held[caller] -= amount
        if not self._held[caller]:
            del self._held[caller]

    def __len__(self) -> int:
        """How many hold some."""
        return len(self._held)
