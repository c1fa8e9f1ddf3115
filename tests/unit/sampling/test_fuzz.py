"""A hundred thousand malformed records of ten kinds: each rejected with a reason, their neighbours unharmed."""

from __future__ import annotations

import pytest

from tests.fuzz.malformed import KINDS, fuzz

pytestmark = pytest.mark.unit


def test_malformed_records_are_rejected_and_their_neighbours_decided() -> None:
    outcome = fuzz(100_000, seed=7)
    assert outcome.wrong == []
    assert outcome.malformed.keys() == KINDS.keys()
    assert min(outcome.malformed.values()) > 5_000
    assert outcome.sound > 20_000
