"""WorkerApp without a broker: what it says of a log while a rebalance goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.app import WorkerApp
from streams.connection import Connection
from streams.stage import Partition
from tests.fakes.broker import SilentObserver

pytestmark = pytest.mark.unit
HOME = Partition("transactions.chat", 1)


class _Taken:
    """A consumer from which a rebalance has taken every partition but one; aiokafka asserts what is assigned."""

    def highwater(self, partition: Partition) -> int:
        assert partition == HOME, "Partition is not assigned"
        return 7


class _App(WorkerApp):
    @property
    def consumer(self) -> _Taken:  # type: ignore[override]
        return _Taken()


def test_the_end_of_a_log_that_a_rebalance_took_away_is_unknown_and_no_failure(tmp_path: Path) -> None:
    app = _App("group", Connection("127.0.0.1:1"), data_dir=tmp_path, observer=SilentObserver())
    assert app.log_end(HOME) == 7
    assert app.log_end(Partition("transactions.chat", 0)) is None
