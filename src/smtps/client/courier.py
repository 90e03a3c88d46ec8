"""Deliveries over one session, as many under way at once as the window allows."""

from __future__ import annotations

from collections import deque

from smtps.client.delivery import Delivery
from smtps.client.dialogue import Dialogue
from smtps.client.learned import Learned
from smtps.client.pipeline import Pipeline
from smtps.client.transaction import Transaction

WINDOW = 4
"""Messages under way at once. Each of them is ``uncertain`` if the connection breaks."""

MAX_WINDOW = 1000


class Courier:
    """Takes messages to one server.

    Args:
        dialogue: ready, after EHLO and login.
        learned: of the server so far.
        window: how many may be under way at once.
    """

    def __init__(self, dialogue: Dialogue, learned: Learned, *, window: int = 1) -> None:
        self._pipeline = Pipeline(dialogue, learned, window=window)
        self._dialogue = dialogue
        self._under_way: deque[Delivery] = deque()
        self._next: list[tuple[Delivery, Transaction]] = []

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._under_way and not self._next

    @property
    def room(self) -> int:
        """How many more messages had better begin now."""
        return 0 if self._next else self._pipeline.room

    def begin(self, delivery: Delivery) -> None:
        """Take another message on; ``advance`` sends it."""
        if (transaction := delivery.next()) is not None:
            self._under_way.append(delivery)
            self._pipeline.add(transaction)

    async def advance(self) -> list[Delivery]:
        """Go on until something is over.

        Returns:
            The deliveries that are over; perhaps none yet.
        """
        while self._next and self._pipeline.room:
            delivery, transaction = self._next.pop(0)
            self._under_way.append(delivery)
            self._pipeline.add(transaction)
        finished = []
        for transaction in await self._pipeline.advance():  # in the order in which they began
            delivery = self._under_way.popleft()
            enough = transaction.granted and not delivery.more
            following = delivery.next() if not enough and self._dialogue.alive else None
            if following is None:
                finished.append(delivery)
            else:
                self._next.append((delivery, following))
        return finished
