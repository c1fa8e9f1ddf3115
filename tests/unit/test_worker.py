"""A worker at its start: the compiled half of sampling, and the topics that go together."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from streams.connection import Connection
from tafol import settings, worker

pytestmark = pytest.mark.unit


def test_a_library_of_another_version_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load() -> None:
        raise OSError("_native.so was built from another version; install Tafol again")

    monkeypatch.setattr(worker, "load_native", load)
    one = worker._Worker("sampling", settings.load(data_dir=tmp_path), Connection("127.0.0.1:1"))
    with pytest.raises(ConfigError, match="built from another version") as raised:
        _ = one.native
    assert "worker.compiled" in (raised.value.hint or "")


def test_who_switched_it_off_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TAFOL_WORKER__COMPILED", "false")
    one = worker._Worker("sampling", settings.load(data_dir=tmp_path), Connection("127.0.0.1:1"))
    assert one.native is None


@pytest.mark.parametrize("odd_one", ["transactions.chat", "candidates", "selections", "review-tasks"])
def test_topics_of_a_flow_that_differ_in_their_partitions_are_named(
    odd_one: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def counts(_connection: Connection, names: Iterable[str]) -> dict[str, int]:
        return {name: 4 if name == odd_one else 3 for name in names}

    monkeypatch.setattr(worker, "partition_counts", counts)
    one = worker._Worker("sampling", settings.load(data_dir=tmp_path), Connection("127.0.0.1:1"))
    with pytest.raises(ConfigError, match=f"{odd_one} has 4"):
        one._sample()
