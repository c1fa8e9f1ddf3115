"""kill -9 of the desk under reviewers at work: `make desk-load` in small, on both stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.desk_load.ground import store
from bench.desk_load.run import run

pytestmark = [pytest.mark.fault, pytest.mark.postgresql]


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_nothing_is_held_twice_lost_or_reviewed_too_often(kind: str, tmp_path: Path) -> None:
    with store(kind, tmp_path) as url:
        result = run(url, reviewers=8, transactions=24, kills=2, think_s=1.0, say=False)
    assert (result.double_leases, result.lost_reviews, result.overlap_wrong, result.unexpected) == (0, 0, 0, {})
    assert result.reviews >= 24
