"""The sample stage once more, plain and slow: one pass, pydantic models, dictionaries, nothing shared with the stage.

Written from the contracts (Stages, Registers, Time, Duplicates, Draw number), to hold the fast stage to.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from pydantic import BaseModel

from schemas.catalogue import CHANNEL_OF_TOPIC
from schemas.errors import InvalidRecord
from schemas.frame import RandomDraw, SamplingFrame, Stratum, SystematicDraw
from schemas.notice import Notice
from schemas.transaction import Transaction, read_transaction
from streams.registers import Registers
from streams.stage import LogRecord, Partition


class CellKey(NamedTuple):
    day: date
    after_final: bool
    frame: str
    stratum: str


class Fate(NamedTuple):
    """What became of one valid transaction."""

    id: str
    frame: str
    stratum: str
    decision: str
    reason: str
    method: str
    draw_number: int | None
    probability: float | None


@dataclass
class Outcome:
    """Everything that the stage must come to, by source offset."""

    decided: dict[int, Fate] = field(default_factory=dict)
    rejected: dict[int, str] = field(default_factory=dict)
    repeats: set[int] = field(default_factory=set)
    selections: dict[int, str] = field(default_factory=dict)
    """Selection ids."""
    eligible: Counter[CellKey] = field(default_factory=Counter)
    selected: Counter[CellKey] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    transactions: dict[int, Transaction] = field(default_factory=dict)


class _Taken(NamedTuple):
    offset: int
    raw: bytes


def sample(source: Partition, records: Sequence[LogRecord], registers: Registers) -> Outcome:
    """One pass over the whole log of one partition."""
    outcome = Outcome()
    taken: dict[str, list[_Taken]] = {}
    longest = base = 0
    high_water = append_high_water = datetime(1, 1, 1, tzinfo=UTC)
    for record in records:
        appended = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        try:
            transaction, unknown = _valid(source, record, appended, registers)
        except InvalidRecord as invalid:
            outcome.rejected[record.offset] = invalid.reason
            continue
        frame = registers.frames.at(transaction.ended_at)
        assert frame is not None
        assert record.value is not None
        stretch = frame.duplicate_stretch
        if stretch > longest:
            base = max(base, record.offset - longest) if longest else base
            longest = stretch
        lowest = max(record.offset - stretch, base)
        earlier = [one for one in taken.get(transaction.id, []) if one.offset >= lowest]
        if earlier:
            if earlier[-1].raw == record.value:
                outcome.repeats.add(record.offset)
            else:
                outcome.rejected[record.offset] = "conflicting_repeat"
            continue
        taken.setdefault(transaction.id, []).append(_Taken(record.offset, record.value))
        outcome.unknown_fields.update(unknown)
        outcome.transactions[record.offset] = transaction
        high_water = max(high_water, transaction.ended_at)
        append_high_water = max(append_high_water, appended)
        fate = _fate(source, transaction, frame, registers, high_water, append_high_water, outcome)
        outcome.decided[record.offset] = fate
        if fate.decision == "selected":
            outcome.selections[record.offset] = f"{frame.id}:{frame.version}:{fate.stratum}|{transaction.id}"
    return outcome


def pseudonym(key: bytes, customer_ref: str) -> str:
    return hmac.digest(key, customer_ref.encode(), "sha256")[:16].hex()


def _valid(
    source: Partition, record: LogRecord, appended: datetime, registers: Registers
) -> tuple[Transaction, tuple[str, ...]]:
    if record.value is None:
        raise InvalidRecord("undecodable", "")
    transaction, unknown = read_transaction(record.value)
    if transaction.channel != CHANNEL_OF_TOPIC[source.topic]:
        raise InvalidRecord("wrong_channel", "")
    if record.key is not None and record.key != transaction.id.encode():
        raise InvalidRecord("wrong_key", "")
    frame = registers.frames.at(transaction.ended_at)
    assert frame is not None
    if transaction.ended_at > appended + timedelta(seconds=frame.future_limit_s):
        raise InvalidRecord("from_the_future", "")
    if transaction.ended_at < appended - timedelta(days=frame.age_limit_days):
        raise InvalidRecord("too_old", "")
    return transaction, unknown


def _fate(  # noqa: PLR0917 - the state of the pass, spelt out
    source: Partition,
    transaction: Transaction,
    frame: SamplingFrame,
    registers: Registers,
    high_water: datetime,
    append_high_water: datetime,
    outcome: Outcome,
) -> Fate:
    excluded = _why_excluded(transaction, frame, registers)
    if excluded:
        return Fate(transaction.id, frame.ref.key, "", "excluded", excluded, "", None, None)
    stratum = next(one for one in frame.strata if _holds(one.when, transaction))
    day = transaction.ended_at.astimezone(frame.zone).date()
    final_at = _end(day, frame) + timedelta(seconds=frame.lateness_s) + timedelta(days=2)
    after_final = high_water >= final_at
    if after_final:
        day = append_high_water.astimezone(frame.zone).date()
    cell = CellKey(day, after_final, frame.ref.key, stratum.name)
    ordinal = outcome.eligible[cell]
    outcome.eligible[cell] += 1
    draw = stratum.draw
    number: int | None = None
    probability: float | None = None
    selected = False
    if isinstance(draw, RandomDraw):
        number, probability = _hash(frame, stratum, transaction.id, b"tafol-draw"), draw.rate
        selected = number < int(Fraction(draw.rate) * 2**64)
    elif isinstance(draw, SystematicDraw):
        probability = 1 / draw.every
        text = f"{source.topic}/{source.partition}/{day.isoformat()}" + ("/after-final" if after_final else "")
        start = _hash(frame, stratum, text, b"tafol-syst") * draw.every // 2**64
        selected = ordinal % draw.every == start
    outcome.selected[cell] += selected
    decision = "selected" if selected else "not_selected"
    return Fate(transaction.id, frame.ref.key, stratum.name, decision, "", draw.method, number, probability)


def _why_excluded(transaction: Transaction, frame: SamplingFrame, registers: Registers) -> str:
    told, rules = transaction.monitoring_notice, frame.eligibility
    register = registers.notices.at(transaction.started_at)
    assert register is not None
    customer = told.customer

    def holds(audience: str, notice_id: str) -> bool:
        found: list[Notice] = [one for one in register.notices if (one.audience, one.id) == (audience, notice_id)]
        return any(one.valid_at(transaction.started_at, transaction.channel) for one in found)

    tests: list[tuple[str, Any]] = [
        ("customer_not_told", lambda: customer is None),
        (
            "customer_told_late",
            lambda: (
                customer is not None
                and customer.at > transaction.started_at + timedelta(seconds=rules.customer_told_within_s)
            ),
        ),
        ("customer_notice_not_valid", lambda: customer is None or not holds("customer", customer.notice_id)),
        ("colleague_not_told", lambda: told.colleague is None),
        ("colleague_notice_not_valid", lambda: told.colleague is None or not holds("colleague", told.colleague)),
        ("too_short", lambda: transaction.duration_s < rules.minimum_length_s),
    ]
    return next((reason for reason, wrong in tests if wrong()), "")


def _holds(when: BaseModel, transaction: Transaction) -> bool:
    return all(values is None or getattr(transaction, name) in values for name, values in when)


def _end(day: date, frame: SamplingFrame) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), frame.zone).astimezone(UTC)


def _hash(frame: SamplingFrame, stratum: Stratum, text: str, person: bytes) -> int:
    message = b""
    for part in (frame.id, str(frame.version), stratum.name, text):
        message += len(part.encode()).to_bytes(4, "big") + part.encode()
    digest = hashlib.blake2b(message, digest_size=8, key=bytes.fromhex(frame.seed), person=person).digest()
    return int.from_bytes(digest, "big")
