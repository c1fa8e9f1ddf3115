"""Alerts: which series dropped, from what to what, on how many reviews, and what people did about it."""

from __future__ import annotations

from deploy.dashboards.frame import Dashboard, values_of
from deploy.dashboards.panels import BAD, GOOD, WATCH, WIDTH, number, rows, stacked, states, steps
from deploy.dashboards.queries import TIME_SERIES, Sql, promql

FILTERS = """$__conditionalAll(series_id IN (${series:singlequote}), $series)
    AND $__conditionalAll(status IN (${status:singlequote}), $status)"""

ALERTS = Dashboard(
    uid="tafol-alerts",
    title="Tafol: alerts",
    about="Series of scores that detection found dropped, within a budget of false alarms (docs/detection.md).",
    desk_path="/alerts",
    prometheus=True,
    since="now-90d",
    variables=(
        values_of("series", "SELECT DISTINCT series_id FROM current_alerts ORDER BY series_id"),
        values_of("status", "SELECT DISTINCT status FROM current_alerts ORDER BY status"),
    ),
    panels=(
        number(
            "Open",
            "Raised, and nobody has said anything yet.",
            Sql("SELECT toFloat64(countIf(status = 'open')) AS alerts FROM current_alerts"),
            span=6,
            levels=steps((None, GOOD), (1, BAD)),
        ),
        number(
            "Acknowledged",
            "Somebody is at it.",
            Sql("SELECT toFloat64(countIf(status = 'acknowledged')) AS alerts FROM current_alerts"),
            span=6,
            levels=steps((None, GOOD), (1, WATCH)),
        ),
        number(
            "Raised in the range",
            "Of these, about one in each period of the budget may be false.",
            Sql("SELECT toFloat64(count()) AS alerts FROM current_alerts WHERE $__timeFilter(raised_at)"),
            span=6,
        ),
        number(
            "Series with an alert now",
            "As detection sees it: what people resolved counts until the series is back.",
            promql("sum(max by (series) (tafol_quality_alert_active)) or vector(0)"),
            span=6,
        ),
        rows(
            "Alerts",
            "`came to` is the mean of the reviews since the drop, which were picked for being low; `held to` is the "
            "reference less the tolerance. Evidence raises an alert at its threshold.",
            Sql(
                f"""
                SELECT
                    toString(status) AS status,
                    toString(series_id) AS series,
                    since,
                    raised_at AS raised,
                    round(reference_0_100, 1) AS `held to`,
                    round(mean_0_100, 1) AS `came to`,
                    reviews,
                    evidence / threshold AS `evidence over threshold`,
                    times_raised AS `times raised`,
                    toString(closed_because) AS `closed because`,
                    toString(acted_by) AS by,
                    action_reason AS reason
                FROM current_alerts
                WHERE ($__timeFilter(raised_at) OR status IN ('open', 'acknowledged')) AND {FILTERS}
                ORDER BY raised_at DESC
                """
            ),
            span=WIDTH,
            height=10,
            columns={"evidence over threshold": {"decimals": 1}},
        ),
        states(
            "When each series had an alert",
            "Only series that had one in the range. From Prometheus.",
            promql(
                "max by (series) (tafol_quality_alert_active) "
                "and on (series) max by (series) (max_over_time(tafol_quality_alert_active[$__range])) > 0",
                "{{series}}",
            ),
        ),
        stacked(
            "Alerts raised, by week",
            "By what has become of them.",
            Sql(
                f"""
                SELECT
                    toDateTime(toMonday(raised_at), 'UTC') AS time,
                    toString(status) AS status,
                    toFloat64(count()) AS alerts
                FROM current_alerts
                WHERE $__timeFilter(raised_at) AND {FILTERS}
                GROUP BY time, status
                ORDER BY time, status
                """,
                TIME_SERIES,
            ),
        ),
        rows(
            "What people did",
            "Acknowledging and resolving, the latest first.",
            Sql(
                """
                SELECT
                    acted_at AS at,
                    toString(acted_by) AS by,
                    toString(action) AS action,
                    toString(series_id) AS series,
                    reason
                FROM alert_actions FINAL
                WHERE $__timeFilter(acted_at) AND $__conditionalAll(series_id IN (${series:singlequote}), $series)
                ORDER BY acted_at DESC
                """
            ),
        ),
    ),
)
