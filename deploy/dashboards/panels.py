"""The few kinds of panel that the dashboards use, each with what makes it readable set once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, Threshold, ThresholdsMode

Query = Builder[Dataquery]
WIDTH: Final = 24
"""Columns of Grafana's grid."""
HEIGHT: Final = 8
GOOD, WATCH, BAD = "green", "orange", "red"


def _properties(values: Mapping[str, Any]) -> list[DynamicConfigValue]:
    return [DynamicConfigValue(id_val=name, value=value) for name, value in values.items()]


PER_CENT_ON_THE_RIGHT: Final = _properties(
    {
        "unit": "percentunit",
        "custom.axisPlacement": "right",
        "custom.lineStyle": {"fill": "dash", "dash": [4, 6]},
        "max": 1,
    }
)


def steps(*levels: tuple[float | None, str]) -> build.ThresholdsConfig:
    """Colours from each level up; the first level is None."""
    return (
        build.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=level, color=colour) for level, colour in levels])
    )


def _legend(*, shown: bool) -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(shown)
        .calcs([])
    )


def lines(
    title: str,
    about: str,
    *queries: Query,
    unit: str = "short",
    span: int = 12,
    height: int = HEIGHT,
    floor: float | None = 0.0,
    ceiling: float | None = None,
    legend: bool = True,
) -> timeseries.Panel:
    """Lines over time, with their points shown: a period without a value is a gap, never a line through it."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .span(span)
        .height(height)
        .draw_style(GraphDrawStyle.LINE)
        .line_width(2)
        .show_points(VisibilityMode.AUTO)
        .span_nulls(False)
        .legend(_legend(shown=legend))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if floor is not None:
        panel = panel.min(floor)
    if ceiling is not None:
        panel = panel.max(ceiling)
    for query in queries:
        panel = panel.with_target(query)
    return panel


def stacked(title: str, about: str, *queries: Query, unit: str = "short", span: int = 12) -> timeseries.Panel:
    """Bars over time, one upon the other."""
    return (
        lines(title, about, *queries, unit=unit, span=span)
        .draw_style(GraphDrawStyle.BARS)
        .fill_opacity(70)
        .line_width(0)
        .show_points(VisibilityMode.NEVER)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    )


def banded(panel: timeseries.Panel, lower: str, upper: str) -> timeseries.Panel:
    """The interval between the columns `lower` and `upper`, as a band behind the lines."""
    quiet = {"custom.lineWidth": 0, "custom.showPoints": "never", "custom.hideFrom": {"legend": True, "tooltip": False}}
    return panel.override_by_name(
        upper, _properties({**quiet, "custom.fillBelowTo": lower, "custom.fillOpacity": 18})
    ).override_by_name(lower, _properties(quiet))


def rows(
    title: str,
    about: str,
    *queries: Query,
    span: int = 12,
    height: int = HEIGHT,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    hidden: Sequence[str] = (),
) -> table.Panel:
    """A table. `columns`: properties of columns, by name."""
    panel = table.Panel().title(title).description(about).span(span).height(height).show_header(True)
    for query in queries:
        panel = panel.with_target(query)
    for name, properties in (columns or {}).items():
        panel = panel.override_by_name(name, _properties(properties))
    for name in hidden:
        panel = panel.override_by_name(name, _properties({"custom.hidden": True}))
    return panel


def number(
    title: str,
    about: str,
    query: Query,
    *,
    unit: str = "short",
    span: int = 4,
    levels: build.ThresholdsConfig | None = None,
    decimals: float | None = None,
) -> stat.Panel:
    """One number, coloured by `levels`."""
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .span(span)
        .height(4)
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE if levels is None else BigValueColorMode.BACKGROUND)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .thresholds(levels or steps((None, "text")))
        .with_target(query)
    )
    return panel if decimals is None else panel.decimals(decimals)


def numbers(title: str, about: str, query: Query, columns: Mapping[str, Mapping[str, Any]]) -> stat.Panel:
    """The numbers of one row, side by side; `columns`: properties of each."""
    panel = number(title, about, query, span=WIDTH).orientation(VizOrientation.VERTICAL)
    for name, properties in columns.items():
        panel = panel.override_by_name(name, _properties(properties))
    return panel


def bars(title: str, about: str, query: Query, *, unit: str = "short", span: int = 12) -> bargauge.Panel:
    """One bar a row: the text column names it, the number is its length."""
    return (
        bargauge.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .span(span)
        .height(HEIGHT)
        .min(0)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs([]).fields("").values(True))
        .thresholds(steps((None, "blue")))
        .with_target(query)
    )


def states(title: str, about: str, query: Query, *, span: int = WIDTH) -> statetimeline.Panel:
    """A line for each series: red while it is 1, green while it is 0."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(about)
        .span(span)
        .height(HEIGHT)
        .thresholds(steps((None, GOOD), (1, BAD)))
        .show_value(VisibilityMode.NEVER)
        .legend(_legend(shown=False))
        .with_target(query)
    )


def link(title: str, url: str) -> dict[str, Any]:
    """Property of a column: its cells lead somewhere."""
    return {"links": [{"title": title, "url": url, "targetBlank": True}]}
