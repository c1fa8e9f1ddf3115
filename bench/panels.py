"""`make bench-panels`: how long each Grafana panel, and what commands and metrics ask, takes on a large centre.

    python -m bench.panels [--sizes 10000000,100000000] [--passes 3] [--quick]

A local ClickHouse is filled by SQL with a year of transactions of 500 colleagues in 50 teams; one in twenty is drawn,
and nine in ten of those are reviewed. Every panel is asked for as Grafana asks, with its dashboard's own range and all
variables on 'All'; then what `tafol status`, the metrics, `tafol trends` and the desk's trend pages ask, by the query
library. Seconds are medians, over HTTP, all rows read.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import numpy as np
from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.table import Table

from deploy.dashboards.every import DASHBOARDS
from deploy.dashboards.viewer import Viewer, panels
from sinks.clickhouse import ClickHouseAddress, ClickHouseStore
from sinks.migrate import migrate
from sinks.queries.alerts import alerts
from sinks.queries.comparison import compare, drivers
from sinks.queries.coverage import coverage
from sinks.queries.estimates import Within, estimates
from sinks.queries.known_names import known_names
from sinks.queries.league import league
from sinks.queries.task_figures import task_figures
from tafol import clock
from tafol.local.clickhouse import Access, ClickHouseConfig, LocalClickHouse
from tafol.local.process import any_free_port

SIZES: Final = (10_000_000, 100_000_000)
QUICK: Final = (200_000,)
STEP: Final = 5_000_000
"""Transactions of one INSERT."""
DATABASE: Final = "tafol"
YEAR_S: Final = 365 * 86_400
GOAL_S: Final = 1.0

OF_TRANSACTION: Final = """
    concat('t-', toString(number)) AS transaction_id,
    ['phone', 'chat', 'face_to_face'][1 + number % 3] AS channel,
    concat('team-', toString(intDiv(cityHash64(number) % 500, 10))) AS team_id,
    concat('colleague-', toString(cityHash64(number) % 500)) AS colleague_id,
    concat('site-', toString(cityHash64(number) % 500 % 5)) AS site,
    ['billing', 'faults', 'moving', 'complaint', 'sales'][1 + cityHash64(number, 1) % 5] AS topic,
    if(cityHash64(number, 2) % 10 = 0, 'cy', 'en') AS language,
    toDateTime64({until:Float64} - cityHash64(number, 3) % {span:UInt32}, 3, 'UTC') AS ended_at,
    ended_at - toIntervalSecond(300) AS started_at,
    'centre' AS frame_id,
    toUInt32(1) AS frame_version,
    concat(channel, '/', topic) AS stratum,
    concat('transactions.', if(channel = 'face_to_face', 'face-to-face', channel)) AS source_topic,
    toUInt32(0) AS source_partition,
    toUInt64(number) AS source_offset
"""
NUMBERS: Final = "FROM numbers({first:UInt64}, {count:UInt64})"
DRAWN: Final = f"{NUMBERS} WHERE number % 20 = 0"
REVIEWED: Final = f"{DRAWN} AND number % 200 != 0"
FIELDS: Final = (
    "channel, team_id, colleague_id, site, topic, language, started_at, ended_at, frame_id, frame_version, stratum, "
    "source_topic, source_partition, source_offset"
)
SHARED: Final = f"transaction_id, {FIELDS}"
TASK: Final = """
    concat(transaction_id, '|service|1') AS task_id, ['random'] AS purposes, 0.05 AS inclusion_probability,
    'service' AS scorecard_id, toUInt32(1) AS scorecard_version, channel AS queue, toUInt8(5) AS priority,
    ended_at AS drawn_at, ended_at + toIntervalDay(2) AS due_at, toUInt8(1) AS copy_number, toUInt8(1) AS copies,
    toUInt64(number) AS log_offset
"""
TASK_COLUMNS: Final = (
    "purposes, inclusion_probability, scorecard_id, scorecard_version, queue, priority, drawn_at, due_at, copy_number, "
    "copies, log_offset"
)
FILL: Final = {
    "transactions": f"""
        INSERT INTO transactions (id, decision, draw_method, inclusion_probability, appended_at, {FIELDS})
        SELECT transaction_id, if(number % 20 = 0, 'selected', 'not_selected'), 'random', 0.05, ended_at,
            {FIELDS}
        FROM (SELECT number, {OF_TRANSACTION} {NUMBERS})""",
    "selections": f"""
        INSERT INTO selections (selection_id, draw_id, purpose, inclusion_probability, drawn_at, {SHARED})
        SELECT concat('centre:1:', stratum, '|', transaction_id), concat('centre:1:', stratum), 'random', 0.05,
            ended_at, {SHARED}
        FROM (SELECT number, {OF_TRANSACTION} {DRAWN})""",
    "review_tasks": f"""
        INSERT INTO review_tasks (task_id, {TASK_COLUMNS}, {SHARED})
        SELECT task_id, {TASK_COLUMNS}, {SHARED} FROM (SELECT number, {OF_TRANSACTION}, {TASK} {DRAWN})""",
    "reviews": f"""
        INSERT INTO reviews (review_id, outcome, outcome_reason, outcome_at, reviewer_id, time_spent_s,
            {TASK_COLUMNS}, {SHARED})
        SELECT task_id, if(number % 220 = 0, 'shed', 'submitted') AS outcome, if(outcome = 'shed', 'Not reached', ''),
            ended_at + toIntervalHour(cityHash64(number, 4) % 46),
            if(outcome = 'shed', '', concat('rev-', toString(number % 60))), 300, {TASK_COLUMNS}, {SHARED}
        FROM (SELECT number, {OF_TRANSACTION}, {TASK} {REVIEWED})""",
    "scores": f"""
        INSERT INTO scores (score_id, total_0_100, critical_errors, purposes, scorecard_id, scorecard_version,
            inclusion_probability, scored_at, as_of_offset, {SHARED})
        SELECT concat(transaction_id, '|service'), if(number % 1000 = 0, 0, 70 + cityHash64(number, 5) % 31),
            if(number % 1000 = 0, ['compliance'], []), ['random'], 'service', 1, 0.05, ended_at, number, {SHARED}
        FROM (SELECT number, {OF_TRANSACTION} {REVIEWED} AND number % 220 != 0)""",
    "score_criteria": f"""
        INSERT INTO score_criteria (score_id, criterion, score_0_100, rated_by, ended_at, as_of_offset)
        SELECT concat(transaction_id, '|service'), criterion, 60 + cityHash64(number, criterion) % 41, 1, ended_at,
            number
        FROM (SELECT number, {OF_TRANSACTION} {REVIEWED} AND number % 220 != 0)
        ARRAY JOIN ['greeting', 'identity', 'listening', 'solution', 'closing'] AS criterion""",
}
"""By table: one INSERT of the numbers [first, first + count)."""
COUNTED: Final = (
    """INSERT INTO population_counts (topic, partition, day, channel, frame_id, frame_version, stratum, eligible,
            selected, as_of_offset)
        SELECT source_topic, 0, toDate(ended_at) AS day, channel, frame_id, frame_version, stratum, count(),
            countIf(decision = 'selected'), max(source_offset)
        FROM transactions GROUP BY source_topic, day, channel, frame_id, frame_version, stratum""",
    """INSERT INTO read_counts (topic, partition, read, eligible, selected, not_selected, as_of_offset)
        SELECT source_topic, 0, count(), count(), countIf(decision = 'selected'), countIf(decision != 'selected'),
            max(source_offset)
        FROM transactions GROUP BY source_topic""",
)


class Taken(NamedTuple):
    """Median seconds of one query, and its rows."""

    name: str
    seconds: float
    rows: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: tuple(int(one) for one in text.split(",")), default=SIZES)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a try of a minute")
    asked = parser.parse_args()
    sizes = QUICK if asked.quick else tuple(sorted(asked.sizes))
    screen = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="tafol-bench-") as folder:
        config = ClickHouseConfig(Path(folder), port=any_free_port())
        with LocalClickHouse(config) as server:
            found = list(_measured(server.access, sizes, asked.passes, screen))
    _show(screen, found)
    print(json.dumps({"runs": [_run(size, taken) for size, taken in found]}))


def _measured(
    access: Access, sizes: tuple[int, ...], passes: int, screen: Console
) -> Iterator[tuple[int, list[Taken]]]:
    """(transactions, what each query took), for each size in turn; the tables grow from one to the next."""
    store = ClickHouseStore.at(
        ClickHouseAddress(access.host, access.port, DATABASE, user=access.user, password=access.password)
    )
    migrate(store, clock.now)
    client = access.client(DATABASE, send_receive_timeout=3600)
    now, filled = clock.now(), 0
    for size in sizes:
        for first in range(filled, size, STEP):
            screen.print(f"filling: {first:,} of {size:,} transactions")
            _fill(client, first, min(STEP, size - first), now)
        filled = size
        for statement in COUNTED:
            client.command(statement)
        screen.print(f"asking, with {size:,} transactions")
        yield size, [_taken(name, ask, passes) for name, ask in _queries(client, store, now)]
    client.close()
    store.close()


def _fill(client: Client, first: int, count: int, now: datetime) -> None:
    parameters = {"first": first, "count": count, "until": now.timestamp(), "span": YEAR_S}
    for statement in FILL.values():
        client.command(statement, parameters=parameters)


def _queries(client: Client, store: ClickHouseStore, now: datetime) -> Iterator[tuple[str, Callable[[], int]]]:
    """(name, ask; gives the number of rows) of everything."""
    for dashboard in DASHBOARDS:
        made = json.loads(dashboard.json())
        days = int(dashboard.since.removeprefix("now-").removesuffix("d")) if dashboard.since.endswith("d") else 1
        looks = Viewer(now - timedelta(days=days), now)
        for panel in panels(made):
            for target in panel["targets"]:
                if "rawSql" in target:
                    text = looks.sql(target["rawSql"], made)
                    yield f"{made['title']}: {panel['title']}", lambda text=text: client.query(text).row_count
    yield "tafol status: coverage", lambda: len(coverage(store).by_channel)
    yield "metrics: tasks", lambda: len(task_figures(store, now=now))
    yield "metrics: alerts", lambda: len(alerts(store))
    yield from _library(store, now)


def _library(store: ClickHouseStore, now: datetime) -> Iterator[tuple[str, Callable[[], int]]]:
    """Estimates of four weeks and of a quarter, and what is reckoned from their cells."""
    after = now.date() + timedelta(days=1)
    month, quarter = (Within(after - timedelta(days=days), after, "UTC") for days in (28, 91))
    before = replace(month, from_day=month.from_day - timedelta(days=28), to_day=month.from_day)
    yield "trends: team by week, 4 weeks", lambda: len(estimates(store, month, group_by="team", period="week"))
    yield "trends: team by week, 13 weeks", lambda: len(estimates(store, quarter, group_by="team", period="week"))
    yield "trends: colleague, 4 weeks", lambda: len(estimates(store, month, group_by="colleague"))
    yield "trends: criterion, 4 weeks", lambda: len(estimates(store, month, measure="criterion"))
    yield "trends: error class, 4 weeks", lambda: len(estimates(store, month, measure="error_class"))
    yield "trends: distribution, 4 weeks", lambda: len(estimates(store, month, measure="distribution"))
    yield "trends compare, 4 weeks with 4", lambda: 0 if compare(store, before, month) is None else 1
    yield "trends compare: drivers", lambda: len(drivers(store, before, month))
    yield "trends league, 4 weeks", lambda: _league(store, month)
    yield "trends: known names, 4 weeks", lambda: len(known_names(store, month))


def _league(store: ClickHouseStore, within: Within) -> int:
    found = league(store, within, random=np.random.default_rng(1))
    return 0 if found is None else len(found.standings)


def _taken(name: str, ask: Callable[[], int], passes: int) -> Taken:
    seconds, rows = [], 0
    for _ in range(passes):
        begun_s = time.perf_counter()
        rows = ask()
        seconds.append(time.perf_counter() - begun_s)
    return Taken(name, median(seconds), rows)


def _show(screen: Console, found: list[tuple[int, list[Taken]]]) -> None:
    table = Table(title="Seconds")
    table.add_column("query")
    for size, _ in found:
        table.add_column(f"{size:,}", justify="right")
    for nth, one in enumerate(found[0][1]):
        table.add_row(one.name, *(f"{taken[nth].seconds:.2f}" for _, taken in found))
    screen.print(table)


def _run(size: int, taken: list[Taken]) -> dict[str, Any]:
    return {
        "transactions": size,
        "queries": {one.name: round(one.seconds, 3) for one in taken},
        "slowest_s": round(max(one.seconds for one in taken), 3),
        "over_goal": sum(one.seconds > GOAL_S for one in taken),
    }


if __name__ == "__main__":
    main()
