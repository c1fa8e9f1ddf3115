"""The draws: published draw numbers, even spread, the promised rate, every k-th of a segment."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas import catalogue
from schemas.decided import DecidedTransaction, read_decided
from schemas.draw_number import TEST_VECTORS, draw_numbers, systematic_start
from schemas.errors import ConfigError
from streams.sampling.decode import read_event
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.sampling.strata import Strata
from streams.stage import Chunk
from tests.fixtures.native import compiled_stage, needs_native
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit

STAGE = SampleStage(Pseudonyms(logs.KEY))


@pytest.fixture(
    autouse=True, scope="module", params=["record by record", pytest.param("by columns", marks=needs_native)]
)
def _stage(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test twice: on each of the two ways of sampling."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "by columns":
            patch.setattr(f"{__name__}.STAGE", compiled_stage(logs.KEY))
        yield


def decided(events: list[dict[str, Any]], **frame: Any) -> list[DecidedTransaction]:
    registers = logs.registers(logs.frame(duplicate_stretch=0, **frame))
    outputs = STAGE.step(STAGE.initial(logs.SOURCE), Chunk(logs.SOURCE, logs.log(events)), registers)
    values = [output.value or b"" for output in outputs if output.topic == catalogue.DECIDED]
    return [line for value in values for line in read_decided(value)]


@pytest.mark.parametrize("vector", TEST_VECTORS)
def test_published_draw_numbers(vector: Any) -> None:
    number = draw_numbers(bytes.fromhex(vector.seed_hex), vector.frame_id, vector.version, vector.stratum)
    assert number(vector.transaction_id) == vector.number


def test_draw_numbers_spread_evenly_and_strata_draw_apart() -> None:
    one = draw_numbers(bytes.fromhex(logs.SEED), "centre", 1, "a")
    other = draw_numbers(bytes.fromhex(logs.SEED), "centre", 1, "b")
    ids = [f"t-{n}" for n in range(16_000)]
    shares = Counter((one(name) >> 62, other(name) >> 62) for name in ids)
    wanted = len(ids) / 16
    # Chi-square with 15 degrees of freedom: 99.9 % lie below 37.7; seed and ids are fixed, so this never wavers.
    assert sum((shares[a, b] - wanted) ** 2 / wanted for a in range(4) for b in range(4)) < 37.7


def test_a_random_draw_takes_its_rate_by_the_draw_number_alone() -> None:
    strata = [{"name": "all", "draw": {"method": "random", "rate": 0.05}}]
    lines = decided([logs.event(f"t-{n}") for n in range(20_000)], strata=strata)
    selected = [line for line in lines if line.decision == "selected"]
    # 1000 expected, standard deviation 31.
    assert 880 < len(selected) < 1120
    assert all((line.decision == "selected") == (line.draw_number / 2**64 < 0.05) for line in lines if line.draw_number)
    assert {line.inclusion_probability for line in lines} == {0.05}


def test_rate_one_takes_all_and_none_takes_nothing() -> None:
    strata = [
        {"name": "cy", "when": {"language": "cy"}, "draw": {"method": "random", "rate": 1}},
        {"name": "rest", "draw": {"method": "none"}},
    ]
    lines = decided([logs.event(f"t-{n}", language=("cy", "en")[n % 2]) for n in range(50)], strata=strata)
    assert [line.decision for line in lines] == ["selected", "not_selected"] * 25
    assert {(line.draw_method, line.draw_number, line.inclusion_probability) for line in lines[1::2]} == {
        ("none", None, None)
    }


@given(st.integers(1, 12), st.integers(0, 2))
def test_a_systematic_draw_takes_exactly_every_kth_of_each_segment(every: int, days: int) -> None:
    strata = [
        {"name": "cy", "when": {"language": "cy"}, "draw": {"method": "systematic", "every": every}},
        {"name": "rest", "draw": {"method": "systematic", "every": every}},
    ]
    events = [
        logs.event(f"t-{n}", logs.NOON - timedelta(days=n % (days + 1)), language=("cy", "en", "en")[n // 3 % 3])
        for n in range(150)
    ]
    excluded = logs.event("t-x", monitoring_notice={"customer": None, "colleague": None})
    lines = decided([events[0], excluded, *events[1:]], strata=strata)
    segments: dict[tuple[str, str], list[DecidedTransaction]] = {}
    for line in lines:
        if line.decision != "excluded":
            segments.setdefault((line.stratum, line.ended_at.date().isoformat()), []).append(line)
    assert len(segments) == 2 * (days + 1)
    for (stratum, day), members in segments.items():
        start = systematic_start(
            bytes.fromhex(logs.SEED), "centre", 1, stratum, segment=f"transactions.phone/3/{day}", every=every
        )
        taken = [n for n, line in enumerate(members) if line.decision == "selected"]
        assert taken == list(range(start, len(members), every))


def test_starts_of_segments_differ() -> None:
    seed = bytes.fromhex(logs.SEED)
    starts = Counter(
        systematic_start(seed, "centre", 1, "rest", segment=f"transactions.phone/{n}/2026-03-27", every=4)
        for n in range(400)
    )
    assert all(70 <= starts[start] <= 130 for start in range(4))


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.lists(st.sampled_from(["phone", "chat"]), min_size=1, max_size=2),
        "team_id": st.lists(st.sampled_from(["t-1", "t-2", "t-3"]), min_size=1),
        "site": st.lists(st.sampled_from(["cardiff", "bangor"]), min_size=1),
        "topic": st.lists(st.sampled_from(["billing", "complaint"]), min_size=1),
        "language": st.lists(st.sampled_from(["en", "cy"]), min_size=1),
    },
).filter(bool)


@given(st.lists(CONDITIONS, max_size=70), st.data())
def test_the_first_stratum_whose_condition_holds_takes_the_event(whens: list[Any], data: st.DataObject) -> None:
    draw = {"method": "none"}
    strata = [{"name": f"s{n}", "when": when, "draw": draw} for n, when in enumerate(whens)]
    frame = logs.frame(strata=[*strata, {"name": "rest", "draw": draw}])
    matcher = Strata(frame, "phone")
    for _ in range(4):
        fields = data.draw(logs.events(logs.NOON)) | {"channel": "phone"}
        fields["team_id"] = data.draw(st.sampled_from(["t-1", "t-2", "t-9"]))
        event, _ = read_event(logs.value(fields))

        def holds(when: BaseModel, fields: dict[str, Any] = fields) -> bool:
            return all(values is None or fields[name] in values for name, values in when)

        wanted = next(stratum.name for stratum in frame.strata if holds(stratum.when))
        for _twice in range(2):  # the second time from the matcher's memory
            found = matcher.of(event)
            assert found is not None
            assert found.name == wanted


def test_more_combinations_than_are_remembered_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.sampling.strata.REMEMBERED_LIMIT", 3)
    strata = [
        {"name": "one", "when": {"team_id": "team-1"}, "draw": {"method": "none"}},
        {"name": "rest", "draw": {"method": "none"}},
    ]
    lines = decided([logs.event(f"t-{n}", team_id=f"team-{n % 7}") for n in range(70)], strata=strata)
    assert [line.stratum for line in lines] == [("one" if n % 7 == 1 else "rest") for n in range(70)]


@given(st.text(min_size=1, max_size=256), st.binary(min_size=32, max_size=200))
def test_a_pseudonym_is_the_head_of_an_hmac(customer_ref: str, key: bytes) -> None:
    pseudonyms = Pseudonyms(key)
    assert pseudonyms.of(customer_ref) == hmac.digest(key, customer_ref.encode(), "sha256")[:16].hex()
    assert pseudonyms.key_id == "k-" + hashlib.sha256(key).hexdigest()[:8]


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="31 bytes"):
        Pseudonyms(b"k" * 31)
