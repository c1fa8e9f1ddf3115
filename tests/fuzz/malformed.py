"""Malformed records of ten kinds, and the sample stage fed with them among sound neighbours.

    python -m tests.fuzz [--count N] [--seed S]

Every malformed record must come out on the rejected topic, byte for byte, with a known reason and a sentence that does
not quote it; every sound neighbour in the same chunk must be decided; nothing may raise.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, get_args

from schemas.catalogue import DECIDED, REJECTED
from schemas.decided import read_decided
from schemas.rejected import RejectReason, read_rejected
from streams.stage import Chunk, PlainRecord
from tests.fixtures.native import compiled_stage
from tests.unit.sampling import logs

REASONS: Final = frozenset(get_args(RejectReason))
CHUNK: Final = 500
SOUND_SHARE: Final = 0.2
APPENDED_MS: Final = int(logs.NOON.timestamp() * 1000)

Spoil = Callable[[random.Random, dict[str, Any]], bytes]


def _dump(fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _cut(luck: random.Random, fields: dict[str, Any]) -> bytes:
    whole = _dump(fields)
    return whole[: luck.randrange(len(whole))]


def _flip(luck: random.Random, fields: dict[str, Any]) -> bytes:
    """One byte of the frame of the JSON becomes another: never one inside a text, which might still be sound."""
    whole = bytearray(_dump(fields))
    places = [at for at, byte in enumerate(whole) if byte in b'{}":']
    whole[luck.choice(places)] = luck.choice(b"\x00\x01\xff\xfe~^")
    return bytes(whole)


def _noise(luck: random.Random, _fields: dict[str, Any]) -> bytes:
    return b"\xff" + luck.randbytes(luck.randrange(400))


def _wrong_type(luck: random.Random, fields: dict[str, Any]) -> bytes:
    name = luck.choice([one for one in fields if one not in {"attributes", "monitoring_notice"}])
    return _dump({**fields, name: luck.choice([17.5, True, [], {"a": 1}, [["x"]]])})


def _missing(luck: random.Random, fields: dict[str, Any]) -> bytes:
    gone = luck.choice(list(fields))
    return _dump({name: value for name, value in fields.items() if name != gone})


def _out_of_bounds(luck: random.Random, fields: dict[str, Any]) -> bytes:
    spoilt: dict[str, Any] = luck.choice(
        [
            {"id": "x" * luck.randrange(129, 5000)}, {"id": ""}, {"id": "a|b"}, {"id": "a\n"}, {"customer_ref": ""},
            {"csat_0_100": luck.choice([-1, 100.5, 1e308])}, {"flags": ["f"] * 17}, {"place": "p" * 201},
            {"attributes": {f"a{n}": n for n in range(33)}}, {"attributes": {"a": "v" * 257}}, {"attributes": {"": 1}},
            {"chat": [{"speaker": "nobody", "text": ""}]}, {"language": "english"}, {"attributes": {"a": [1]}},
        ]
    )  # fmt: skip
    return _dump({**fields, **spoilt})


def _times(luck: random.Random, fields: dict[str, Any]) -> bytes:
    spoilt: dict[str, Any] = luck.choice(
        [
            {"ended_at": "2026-03-27T12:00:00"}, {"started_at": "yesterday"}, {"ended_at": 1774612800},
            {"started_at": "1970-01-01T00:00:00Z"}, {"ended_at": "9999-12-31T23:59:59Z"},
            {"ended_at": (logs.NOON + timedelta(days=luck.randrange(1, 300))).isoformat()},
            {"started_at": (logs.NOON - timedelta(days=luck.randrange(40, 400))).isoformat(),
             "ended_at": (logs.NOON - timedelta(days=luck.randrange(31, 39))).isoformat()},
            {"started_at": (logs.NOON + timedelta(minutes=1)).isoformat()},
        ]
    )  # fmt: skip
    return _dump({**fields, **spoilt})


def _nested(luck: random.Random, fields: dict[str, Any]) -> bytes:
    depth = luck.randrange(200, 5_000)
    opening, closing = luck.choice([(b"[", b"]"), (b'{"a":', b"}")])
    deep = opening * depth + b"1" + closing * depth
    return luck.choice([deep, _dump(fields)[:-1] + b', "deep": ' + deep + b"}"])


def _not_an_object(luck: random.Random, fields: dict[str, Any]) -> bytes:
    return luck.choice(
        [b"", b"null", b"[]", b"17", b'"text"', b"true", b"NaN", _dump([fields]), _dump(fields) * 2, b"\x00"]
    )


def _wrong_place(luck: random.Random, fields: dict[str, Any]) -> bytes:
    return _dump({**fields, "channel": luck.choice(["chat", "face_to_face", "fax", "PHONE", ""])})


KINDS: Final[dict[str, Spoil]] = {
    "cut off": _cut, "a flipped byte": _flip, "noise": _noise, "a wrong type": _wrong_type, "a missing field": _missing,
    "out of bounds": _out_of_bounds, "impossible times": _times, "nested deep": _nested,
    "not an object": _not_an_object, "the wrong place": _wrong_place,
}  # fmt: skip


@dataclass
class Outcome:
    """What came of a run. `wrong`: sentences; empty when all is as it must be."""

    malformed: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    sound: int = 0
    wrong: list[str] = field(default_factory=list)


def fuzz(count: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> Outcome:
    """Feed `count` malformed records, in chunks with sound neighbours."""
    luck = random.Random(seed)
    stage, registers = compiled_stage(logs.KEY), logs.registers()
    state = stage.initial(logs.SOURCE)
    outcome = Outcome()
    offset = 0
    while outcome.malformed.total() < count and not outcome.wrong:
        records, kind_at = [], dict[int, str]()
        for _ in range(CHUNK):
            fields = logs.event(f"t-{offset}")
            kind = None if luck.random() < SOUND_SHARE else luck.choice(list(KINDS))
            value = _dump(fields) if kind is None else KINDS[kind](luck, fields)
            if kind is not None:
                kind_at[offset] = kind
            records.append(PlainRecord(offset, APPENDED_MS, None, value))
            offset += 1
        outputs = stage.step(state, Chunk(logs.SOURCE, records), registers)
        _compare(outcome, records, kind_at, outputs)
        progress(outcome.malformed.total())
    return outcome


def _compare(outcome: Outcome, records: list[PlainRecord], kind_at: dict[int, str], outputs: list[Any]) -> None:
    rejected = {}
    for output in (one for one in outputs if one.topic == REJECTED):
        found = read_rejected(output.headers, len(output.value or b""))
        rejected[found.origin.offset] = output.value
        outcome.reasons[found.reason] += 1
        if found.reason not in REASONS or not found.message:
            outcome.wrong.append(f"offset {found.origin.offset}: no known reason or no sentence")
    decided = {line.source_offset for one in outputs if one.topic == DECIDED for line in read_decided(one.value or b"")}
    for record in records:
        kind = kind_at.get(record.offset)
        if kind is None:
            outcome.sound += 1
            if record.offset not in decided:
                outcome.wrong.append(f"offset {record.offset}: a sound neighbour was not decided")
        else:
            outcome.malformed[kind] += 1
            if record.offset not in rejected:
                outcome.wrong.append(f"{kind}: taken as sound: {(record.value or b'')[:200]!r}")
            elif rejected[record.offset] != record.value:
                outcome.wrong.append(f"{kind}: kept with other bytes")
