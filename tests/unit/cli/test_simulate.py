"""How the simulator waits between events: as long as it should, or until all shall stop."""

from __future__ import annotations

from threading import Event

import pytest

from tafol import clock
from tafol.cli import playing

pytestmark = pytest.mark.unit


class _Clock:
    """Stands still but for sleeps; sets `stop` when `stops_after` of them are done."""

    def __init__(self, stop: Event, stops_after: int) -> None:
        self.now_s, self._stop, self._stops_after = 100.0, stop, stops_after
        self.slept: list[float] = []

    def monotonic_s(self) -> float:
        return self.now_s

    def sleep_s(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        if len(self.slept) == self._stops_after:
            self._stop.set()


@pytest.mark.parametrize(("stops_after", "slept_s"), [(0, 0.5), (2, 2 * playing.LOOK_EVERY_S)])
def test_a_long_wait_looks_now_and_then_whether_it_shall_stop(
    stops_after: int, slept_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    still = _Clock(stop, stops_after)
    for name in ("monotonic_s", "sleep_s"):
        monkeypatch.setattr(clock, name, getattr(still, name))
    playing._sleep(0.5, stop)
    assert sum(still.slept) == pytest.approx(slept_s)
    assert max(still.slept) <= playing.LOOK_EVERY_S
