"""What can go wrong, one function each: it breaks an installation in mid-stream until the events end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tests.fault import documents
from tests.fault.rig import Feeding, Process, Rig

Break = Callable[[Rig, Feeding], None]
PAST_THE_SESSION_S: Final = 3.0
"""A worker silent for so long has lost its partitions."""
FRAME_CHANGES_AT: Final = 0.8
"""Of the time that is played."""
LEAST_LEAD_S: Final = 65.0
"""In place of the lead of 15 minutes: what a worker holds to, a minute, and a little."""


@dataclass(frozen=True)
class Scenario:
    """One way to break an installation. `transactions` are fed at `per_second` while it happens."""

    name: str
    breaks: Break
    partitions: int = 2
    workers: dict[str, int] = field(default_factory=lambda: {"sampling": 2, "scoring": 1, "sink": 1})
    transactions: int = 9_000
    per_second: float = 250.0
    small_disk: bool = False


def kill_workers(rig: Rig, feeding: Feeding) -> None:
    """kill -9 of any worker, again and again."""
    while feeding.running:
        time.sleep(rig.chance.uniform(0.3, 1.5))
        rig.kill(rig.chance.choice(rig.processes))


def kill_everything(rig: Rig, feeding: Feeding) -> None:
    """kill -9 of workers, of the broker and of ClickHouse."""
    while feeding.running:
        time.sleep(rig.chance.uniform(0.5, 1.5))
        fault = rig.chance.random()
        if fault < 0.06:
            rig.kill_broker(away_s=rig.chance.uniform(0.0, 2.0))
        elif fault < 0.14:
            rig.kill_clickhouse(away_s=rig.chance.uniform(0.0, 2.0))
        elif fault < 0.22:
            rig.pause(rig.chance.choice(rig.processes), PAST_THE_SESSION_S)
        else:
            rig.kill(rig.chance.choice(rig.processes))


def rebalance_storm(rig: Rig, feeding: Feeding) -> None:
    """Sampling workers join and leave every few seconds, now politely, now not."""
    guests: list[Process] = []
    while feeding.running:
        time.sleep(rig.chance.uniform(1.0, 3.0))
        rig.faults += 1
        if guests and rig.chance.random() < 0.5:
            guest = guests.pop(rig.chance.randrange(len(guests)))
            rig.leave(guest, signal.SIGTERM if rig.chance.random() < 0.5 else signal.SIGKILL)
        elif len(guests) < 2:
            guests.append(rig.join("sampling"))
    for guest in guests:
        rig.leave(guest, signal.SIGTERM)


def paused_workers_wake_up(rig: Rig, feeding: Feeding) -> None:
    """SIGSTOP past the session; others take over; it wakes up and writes what it had in hand; then they are killed."""
    while feeding.running:
        sleeper, heir = rig.chance.sample([one for one in rig.processes if one.role == "sampling"], 2)
        time.sleep(rig.chance.uniform(0.2, 1.5))
        rig.pause(sleeper, PAST_THE_SESSION_S + rig.chance.uniform(0.0, 1.0))
        time.sleep(rig.chance.uniform(0.05, 0.6))
        rig.kill(heir)


def broker_away(rig: Rig, feeding: Feeding) -> None:
    """The broker is gone for a minute."""
    time.sleep(5.0)
    rig.kill_broker(away_s=60.0)
    feeding.wait()


def clickhouse_away(rig: Rig, feeding: Feeding) -> None:
    """ClickHouse is killed, refuses connections for a while, hangs; the sink is killed in between."""
    while feeding.running:
        time.sleep(rig.chance.uniform(1.0, 2.0))
        rig.kill_clickhouse(away_s=rig.chance.uniform(0.0, 4.0))
        time.sleep(rig.chance.uniform(0.5, 1.5))
        rig.faults += 1
        os.kill(rig.clickhouse.pid, signal.SIGSTOP)
        time.sleep(rig.chance.uniform(0.5, 6.0))
        os.kill(rig.clickhouse.pid, signal.SIGCONT)
        rig.kill(next(one for one in rig.processes if one.role == "sink"))


def clocks_jump(rig: Rig, feeding: Feeding) -> None:
    """The workers' clocks jump by hours, to and fro; workers are killed in between."""
    while feeding.running:
        time.sleep(rig.chance.uniform(0.5, 1.5))
        rig.jump_clocks(rig.chance.uniform(-5, 5) * 3600)
        if rig.chance.random() < 0.5:
            rig.kill(rig.chance.choice(rig.processes))


def rolling_restart(rig: Rig, feeding: Feeding) -> None:
    """Each worker in turn is asked to stop and started again."""
    while feeding.running:
        for process in list(rig.processes):
            time.sleep(0.5)
            rig.restart(process)


def clickhouse_fails(rig: Rig, feeding: Feeding) -> None:
    """Between the sink and ClickHouse: errors, silence, refusal, and inserts that were carried out but not answered."""
    faults: tuple[Callable[[], None], ...] = (
        lambda: rig.proxy.go("errors"),
        lambda: rig.proxy.go("hang"),
        rig.proxy.refuse,
        lambda: _lose_answers(rig),
    )
    while feeding.running:
        for fault in faults:
            time.sleep(rig.chance.uniform(0.5, 1.5))
            fault()
            rig.faults += 1
            time.sleep(rig.chance.uniform(0.5, 4.0))
            if rig.chance.random() < 0.3:
                rig.kill(next(one for one in rig.processes if one.role == "sink"))
            if fault == rig.proxy.refuse:
                rig.proxy.listen()
            rig.proxy.go("through")


def _lose_answers(rig: Rig) -> None:
    rig.proxy.answers_to_lose = rig.proxy.answers_lost + rig.chance.randint(1, 4)


def disk_full(rig: Rig, feeding: Feeding) -> None:
    """The disk of all data is full for a while: Kafka's, ClickHouse's, and that of the workers. It comes thrice."""
    for _ in range(3):
        time.sleep(rig.chance.uniform(4.0, 7.0))
        rig.fill_disk(rig.chance.uniform(3.0, 8.0))
    feeding.wait()


def frame_changes(rig: Rig, feeding: Feeding) -> None:
    """A new frame comes into force while workers are restarted, one after the other, or killed."""
    began_s = time.monotonic()
    config = feeding.config
    frame = documents.follower(rig.frame, config.starts + (config.ends - config.starts) * FRAME_CHANGES_AT)
    rig.announce(frame, frame.holds_from - timedelta(days=1))
    rig.say(f"{frame.ref} holds from {frame.holds_from:%Y-%m-%d}")
    lead_s = feeding.length_s * FRAME_CHANGES_AT
    assert lead_s > LEAST_LEAD_S, "a worker must have been able to hear of it: it stops deciding after a minute"
    while feeding.running and time.monotonic() - began_s < lead_s - 15:
        time.sleep(1.0)
    while feeding.running:
        for process in list(rig.processes):
            time.sleep(rig.chance.uniform(0.2, 0.8))
            if rig.chance.random() < 0.4:
                rig.kill(process)
            else:
                rig.restart(process)


ALL: Final = (
    Scenario(
        "kill -9, one partition, one worker of each role",
        kill_workers,
        1,
        {"sampling": 1, "scoring": 1, "sink": 1},
        transactions=18_000,
    ),
    Scenario(
        "kill -9, four partitions, two workers of each role",
        kill_workers,
        4,
        {"sampling": 2, "scoring": 2, "sink": 2},
        transactions=18_000,
    ),
    Scenario("kill -9 of workers, broker and ClickHouse; pauses", kill_everything, transactions=18_000),
    Scenario("rebalance storm", rebalance_storm, 4),
    Scenario("paused past the session, then awake", paused_workers_wake_up, 4),
    Scenario("broker away for 60 s", broker_away),
    Scenario("ClickHouse killed, refusing, hanging", clickhouse_away),
    Scenario("clocks jump by hours", clocks_jump),
    Scenario("rolling restart", rolling_restart),
    Scenario("ClickHouse errors, hangs, refuses, loses answers", clickhouse_fails),
    Scenario("disk full", disk_full, small_disk=True),
    Scenario("a new frame during a rolling restart", frame_changes, transactions=22_000),
)
