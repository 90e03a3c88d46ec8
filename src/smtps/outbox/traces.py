"""What a lane writes, as a record for a file and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from smtps.outbox.ledger import Forsaken, Released, forsake, release
from smtps.outbox.records import Claim, Tried
from smtps.outbox.ruling import Ruling
from smtps.outbox.settling import Settlement, settle
from smtps.outbox.spool import Record
from smtps.outbox.states import Standing, State
from smtps.outbox.writer import Operation


def as_record(operation: Operation[Any], what: Any) -> Record:
    """What can be written to a file.

    Args:
        operation: ``settle``, ``release`` or ``forsake``; another has only its name.
        what: its argument.
    """
    for name, (known, write, _) in _KINDS.items():
        if operation is known:
            return {"kind": name, **write(what)}
    return {"kind": getattr(operation, "__name__", "?")}


def of_record(record: Record) -> tuple[Operation[Any], Any]:
    """What ``as_record`` was given.

    Raises:
        KeyError, TypeError, ValueError: it is no record of ours.
    """
    operation, _, read = _KINDS[record["kind"]]
    return operation, read(record)


def _tried(record: Record) -> Tried:
    return Tried(
        record["id"], record["number"], record["begun"], bool(record["told"]),
        tuple(record["people"]), frozenset(record["doubtful"]),
    )  # fmt: skip


def _record_of(claim: Claim | Tried) -> Record:
    return {"id": claim.id, "number": claim.number, "begun": claim.begun, "told": claim.told,
            "people": list(claim.people), "doubtful": sorted(claim.doubtful)}  # fmt: skip


def _write_settled(lot: list[Settlement]) -> Record:
    (one,) = lot
    return {
        "account": one.account, "token": one.token, "claim": _record_of(one.claim),
        "ruling": asdict(one.ruling), "now": one.now, "attempt": dict(one.attempt),
        "notify": one.notify,
    }  # fmt: skip


def _read_settled(record: Record) -> list[Settlement]:
    ruling = dict(record["ruling"])
    ruling["state"] = State(ruling["state"])
    ruling["people"] = tuple((Standing(standing), reply) for standing, reply in ruling["people"])
    return [
        Settlement(
            record["account"], record["token"], _tried(record["claim"]), Ruling(**ruling),
            record["now"], record["attempt"], record["notify"],
        )
    ]  # fmt: skip


def _write_released(released: Released) -> Record:
    return {"token": released.token, "claims": [_record_of(claim) for claim in released.claims]}


def _read_released(record: Record) -> Released:
    return Released(record["token"], [_tried(claim) for claim in record["claims"]])


def _write_forsaken(forsaken: Forsaken) -> Record:
    return forsaken._asdict()


def _read_forsaken(record: Record) -> Forsaken:
    return Forsaken(record["account"], record["token"], record["begun"])


_KINDS: dict[str, tuple[Operation[Any], Callable[[Any], Record], Callable[[Record], Any]]] = {
    "settled": (settle, _write_settled, _read_settled),
    "released": (release, _write_released, _read_released),
    "forsaken": (forsake, _write_forsaken, _read_forsaken),
}
