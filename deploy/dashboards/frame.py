"""What all dashboards have: data sources to choose, variables, links to each other and to the desk."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from deploy.dashboards.queries import CLICKHOUSE, CLICKHOUSE_PLUGIN, TABLE, SqlQuery

TAG: Final = "tafol"
ALL: Final = model.VariableOption(selected=True, text="All", value="$__all")
LOCAL_DESK: Final = "http://127.0.0.1:8750"
EMPTY: Final = " "
"""What 'All' stands for between brackets: an empty list, which the estimates' views take for no filter."""
COLUMNS: Final = {
    "channel": "channel",
    "site": "site",
    "team": "team_id",
    "colleague": "colleague_id",
    "topic": "topic",
    "language": "language",
}
"""Dimension -> column of the tables that hold a transaction's fields."""


@dataclass(frozen=True)
class Dashboard:
    """One dashboard. `prometheus`: whether any panel asks it. `desk_path`: the desk's page on the same matter."""

    uid: str
    title: str
    about: str
    panels: Sequence[Builder[model.Panel] | build.Row]
    variables: Sequence[Builder[model.VariableModel]] = ()
    prometheus: bool = False
    clickhouse: bool = True
    since: str = "now-28d"
    refresh: str = "5m"
    marks: Mapping[str, str] = field(default_factory=dict)
    """Marks in the charts, by name: SQL that gives time, timeEnd, title, text and tags."""
    desk_path: str = "/"

    def json(self, desk: str = LOCAL_DESK) -> str:
        """The file that Grafana reads. `desk`: where people reach the review desk."""
        return json.dumps(self._built(desk), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _built(self, desk: str) -> model.Dashboard:
        made = (
            build.Dashboard(self.title)
            .uid(self.uid)
            .description(self.about)
            .tags([TAG])
            .readonly()
            .timezone("browser")
            .week_start("monday")
            .time(self.since, "now")
            .refresh(self.refresh)
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .link(
                build.DashboardLink("Tafol")
                .type(model.DashboardLinkType.DASHBOARDS)
                .tags([TAG])
                .keep_time(True)
                .include_vars(True)
            )
            .link(
                build.DashboardLink("Review desk")
                .type(model.DashboardLinkType.LINK)
                .url(desk.rstrip("/") + self.desk_path)
                .target_blank(True)
            )
        )
        if self.clickhouse:
            made = made.with_variable(_source("clickhouse", "ClickHouse", CLICKHOUSE_PLUGIN))
        if self.prometheus:
            made = made.with_variable(_source("prometheus", "Prometheus", "prometheus"))
        for variable in self.variables:
            made = made.with_variable(variable)
        for name, sql in self.marks.items():
            made = made.annotation(_marks(name, sql))
        for panel in self.panels:
            made = made.with_row(panel) if isinstance(panel, build.Row) else made.with_panel(panel)
        return _numbered(made.build())


def dimension(name: str, label: str | None = None) -> build.QueryVariable:
    """Any number of values of one dimension, of the transactions drawn in the range of time."""
    column = COLUMNS[name]
    return values_of(
        name,
        f"SELECT DISTINCT {column} FROM selections WHERE $__timeFilter(ended_at) AND {column} != '' ORDER BY {column}",
        label,
    )


def values_of(name: str, sql: str, label: str | None = None) -> build.QueryVariable:
    """A variable whose values a query of ClickHouse gives: any number of them, at first all."""
    return (
        build.QueryVariable(name)
        .label(label or name.replace("_", " ").capitalize())
        .datasource(CLICKHOUSE)
        .query(SqlQuery(sql, TABLE).to_json())
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(EMPTY)
        .current(ALL)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def choice(name: str, label: str, *options: str) -> build.CustomVariable:
    """One of a few; the first at first."""
    made = [model.VariableOption(selected=one == options[0], text=one, value=one) for one in options]
    return (
        build.CustomVariable(name)
        .label(label)
        .values(",".join(options))
        .options(made)
        .current(made[0])
        .multi(False)
        .include_all(False)
    )


def constant_text(name: str, label: str, value: str) -> build.TextBoxVariable:
    """A text that people may change."""
    return (
        build.TextBoxVariable(name)
        .label(label)
        .default_value(value)
        .current(model.VariableOption(selected=True, text=value, value=value))
    )


def cut_down(*dimensions: str) -> str:
    """Conditions by the variables of these dimensions; those that stand on 'All' say nothing."""
    return "\n  AND ".join(
        f"$__conditionalAll({COLUMNS[name]} IN (${{{name}:singlequote}}), ${name})" for name in dimensions
    )


@dataclass
class _MarksTarget(model.AnnotationTarget):
    """The SDK knows the targets of Grafana's own annotations alone."""

    query: SqlQuery

    def to_json(self) -> dict[str, object]:
        return self.query.to_json()


@dataclass
class _BuiltTarget(Builder[model.AnnotationTarget]):
    query: SqlQuery

    def build(self) -> model.AnnotationTarget:
        return _MarksTarget(self.query)


def _marks(name: str, sql: str) -> build.AnnotationQuery:
    query = SqlQuery(textwrap.dedent(sql).strip(), TABLE, "Marks")
    return (
        build.AnnotationQuery()
        .name(name)
        .datasource(CLICKHOUSE)
        .enable(True)
        .icon_color("red")
        .target(_BuiltTarget(query))
    )


def _source(name: str, label: str, plugin: str) -> build.DatasourceVariable:
    return build.DatasourceVariable(name).label(label).type(plugin).multi(False).include_all(False)


def _numbered(made: model.Dashboard) -> model.Dashboard:
    """Ids are given out here, in order, so that the same code always gives the same file."""
    number = 0
    for panel in made.panels or []:
        number += 1
        panel.id_val = number
        for inner in getattr(panel, "panels", None) or []:
            number += 1
            inner.id_val = number
    return made
