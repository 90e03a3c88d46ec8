"""The blocking face of a session."""

from __future__ import annotations

import smtps


def message(number: int) -> smtps.Message:
    return smtps.Message(from_="a@x.test", to="b@x.test", subject=str(number), text="x")


def test_many_messages_without_a_loop() -> None:
    messages = [message(number) for number in range(10)]
    with (
        smtps.sync.sandbox() as box,
        smtps.sync.connect(
            box.host, port=box.port, ca_file=box.ca_file, username=box.username,
            password=box.password,
        ) as session,
    ):  # fmt: skip
        found = list(session.send_many(messages, window=3))
        assert [each for each, _ in found] == messages
        assert {result.outcome for _, result in found} == {"sent"}
        subjects = [stored.data.partition(b"Subject: ")[2][:1] for stored in box.inbox.all()]
        assert subjects == [str(number).encode() for number in range(10)]


def test_who_stops_early_can_still_leave() -> None:
    with (
        smtps.sync.sandbox() as box,
        smtps.sync.connect(
            box.host, port=box.port, ca_file=box.ca_file, username=box.username,
            password=box.password,
        ) as session,
    ):  # fmt: skip
        results = session.send_many((message(number) for number in range(1000)), window=2)
        next(results)
        results.close()
