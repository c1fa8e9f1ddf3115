"""Everything that `bench.panels` asks of a centre by `bench.centre`: every Grafana panel and query of the library."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final, TypedDict

import numpy as np
from clickhouse_connect.driver.client import Client

from bench import centre
from deploy.dashboards.every import DASHBOARDS
from deploy.dashboards.viewer import Viewer, panels
from schemas.base import Versioned
from sinks.clickhouse import ClickHouseStore
from sinks.queries import ineligible as of_ineligible
from sinks.queries.alerts import alert_change, alert_drivers, alerts
from sinks.queries.comparison import compare, drivers
from sinks.queries.coverage import coverage
from sinks.queries.draws import closed_cells, selections_between, taken_by_draw, waiting_in_stratum
from sinks.queries.estimates import GROUPS, MEASURES, Within, estimates
from sinks.queries.known_names import known_names
from sinks.queries.league import league
from sinks.queries.log_of_decisions import Period, decided_between, first_since, high_water, spans
from sinks.queries.observed import observed_scores
from sinks.queries.rejected import rejected
from sinks.queries.selections import selections_by_stratum
from sinks.queries.series_records import series_records
from sinks.queries.stored_scores import PAGE, stored_scores
from sinks.queries.story import story
from sinks.queries.task_figures import task_figures

Query = tuple[str, Callable[[], int]]
"""A name, and what asks: gives the number of rows."""
DAY: Final = timedelta(days=1)
TOPIC: Final = "transactions.phone"
SERIES: Final = "team=team-07"


class _Days(TypedDict):
    from_day: date
    to_day: date
    time_zone: str


def queries(client: Client, store: ClickHouseStore, now: datetime) -> Iterator[Query]:
    """All of them, those of the dashboards first. They raise what their clients raise."""
    yield from _panels(client, now)
    yield from _estimates(store, now)
    yield from _others(store, now)
    yield from _of_one(store, now)


def _panels(client: Client, now: datetime) -> Iterator[Query]:
    """As Grafana asks: with its dashboard's own range of time, and all variables on 'All'."""
    for dashboard in DASHBOARDS:
        made = json.loads(dashboard.json())
        days = int(dashboard.since.removeprefix("now-").removesuffix("d")) if dashboard.since.endswith("d") else 1
        looks = Viewer(now - timedelta(days=days), now)
        for panel in panels(made):
            for target in panel["targets"]:
                if "rawSql" in target:
                    text = looks.sql(target["rawSql"], made)
                    yield f"{made['title']}: {panel['title']}", partial(_rows, client, text)


def _rows(client: Client, text: str) -> int:
    return client.query(text).row_count


def _estimates(store: ClickHouseStore, now: datetime) -> Iterator[Query]:
    """By each dimension, period and measure, and what is reckoned from the cells of estimates."""
    after = now.date() + DAY
    month, quarter, year = (Within(after - days * DAY, after, "UTC") for days in (28, 91, 365))
    before = replace(month, from_day=month.from_day - 28 * DAY, to_day=month.from_day)
    north, south = (replace(month, teams=(team,)) for team in ("team-01", "team-02"))
    for group in GROUPS:
        yield (
            f"estimates: {group} by week, 13 weeks",
            _sized(partial(estimates, store, quarter, group_by=group, period="week")),
        )
    yield "estimates: team by day, 4 weeks", _sized(partial(estimates, store, month, group_by="team", period="day"))
    yield "estimates: team by month, a year", _sized(partial(estimates, store, year, group_by="team", period="month"))
    yield (
        "estimates: team by quarter, a year",
        _sized(partial(estimates, store, year, group_by="team", period="quarter")),
    )
    for measure in MEASURES:
        yield (
            f"estimates: {measure} by team, 4 weeks",
            _sized(partial(estimates, store, month, group_by="team", measure=measure)),
        )
    yield "compare: 4 weeks with the 4 before", _one(partial(compare, store, before, month))
    yield "compare: two teams, 4 weeks", _one(partial(compare, store, north, south))
    yield "drivers: 4 weeks with the 4 before", _sized(partial(drivers, store, before, month))
    yield "league: colleagues, 4 weeks", _one(partial(_league, store, month))
    yield "known names: 4 weeks", _sized(partial(known_names, store, month))


def _others(store: ClickHouseStore, now: datetime) -> Iterator[Query]:
    """Coverage, queues, alerts and what may not be reviewed."""
    after = now.date() + DAY
    month: _Days = {"from_day": after - 28 * DAY, "to_day": after, "time_zone": "UTC"}
    since = now - 30 * DAY
    yield "coverage: the whole log", lambda: len(coverage(store).by_channel)
    yield "selections by stratum: 4 weeks", _sized(partial(selections_by_stratum, store, **month))
    for group in of_ineligible.INELIGIBLE_BY:
        yield f"ineligible: {group}, 4 weeks", _sized(partial(of_ineligible.ineligible, store, group_by=group, **month))
    yield "ineligible by notice: 4 weeks", lambda: len(of_ineligible.unnoticed(store, most=100, **month)[0])
    yield "rejected: the newest 100", _sized(partial(rejected, store))
    yield "task figures", _sized(partial(task_figures, store, now=now))
    yield "alerts: all", _sized(partial(alerts, store))
    yield "alert: change", _one(partial(alert_change, store, series_id=SERIES, since=since, until=now))
    yield "alert: drivers", _sized(partial(alert_drivers, store, series_id=SERIES, since=since, until=now))
    yield "alert: records of its series", _sized(partial(series_records, store, SERIES))


def _of_one(store: ClickHouseStore, now: datetime) -> Iterator[Query]:
    """One transaction, and what jobs ask that read the log again: `frame verify`, `frame plan`, `detect backtest`."""
    last_day = Period(now - DAY, now)
    day = {"ended_from": now - DAY, "ended_to": now}
    frame = Versioned(id="centre", version=1)
    [newest] = store.ask("SELECT transaction_id FROM selections ORDER BY ended_at DESC LIMIT 1", {})
    one_id = str(newest["transaction_id"])
    yield "story: one transaction", _one(partial(story, store, one_id))
    yield "log: spans of a day", _sized(partial(spans, store, last_day))
    yield "log: high water", _one(partial(high_water, store, TOPIC, 0, 2**62))
    yield "log: first of a day", _one(partial(first_since, store, TOPIC, 0, now - DAY))
    yield "log: a slice of decisions", lambda: len(_slice(store, last_day))
    yield "draws: selections of a day", _sized(partial(selections_between, store, **day))
    yield "draws: taken by one", _sized(partial(taken_by_draw, store, f"centre:1:{centre.QUOTA}", [one_id]))
    yield (
        "draws: closed windows of 4 weeks",
        _sized(partial(closed_cells, store, starts_from=now - 28 * DAY, ends_to=now)),
    )
    yield (
        "draws: candidates of a week",
        _sized(partial(waiting_in_stratum, store, frame, centre.QUOTA, ended_from=now - 7 * DAY, ended_to=now)),
    )
    yield "scores: observed in a day", _sized(partial(observed_scores, store, **day))
    yield (
        "scores: a page of 20,000",
        lambda: sum(
            1
            for _ in islice(
                stored_scores(store, from_day=(now - 28 * DAY).date(), to_day=now.date(), time_zone="UTC"), PAGE
            )
        ),
    )


def _slice(store: ClickHouseStore, period: Period) -> list[object]:
    span = spans(store, period)[0]
    return [*decided_between(store, span, span.first_offset, span.first_offset + 10_000, period)]


def _league(store: ClickHouseStore, within: Within) -> object:
    return league(store, within, random=np.random.default_rng(1))


def _sized(ask: Callable[[], object]) -> Callable[[], int]:
    def asked() -> int:
        found = ask()
        return len(found) if hasattr(found, "__len__") else 1

    return asked


def _one(ask: Callable[[], object]) -> Callable[[], int]:
    return lambda: 0 if ask() is None else 1
