"""Quality trends: estimates with their 95 % intervals, by the views of sinks/migrations/0005_estimates.sql alone.

Asking one of those views costs about half a second of planning, whatever the data: one query for all groups, not one
for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.dashboards.frame import Dashboard, choice, constant_text, dimension, values_of
from deploy.dashboards.panels import PER_CENT_ON_THE_RIGHT, WIDTH, banded, bars, lines, numbers, rows
from deploy.dashboards.queries import TIME_SERIES, Sql

GROUPS = ("team", "channel", "site", "colleague", "topic", "language", "stratum")
PERIODS = ("week", "day", "month", "quarter")
TIME = "toDateTime(period_start, 'UTC') AS time"
TOO_FEW = "if(too_few, 'too few to say', '') AS ` `"
Properties = Mapping[str, Any]
PERCENT: Properties = {"unit": "percentunit", "decimals": 0}
POINTS: Properties = {"decimals": 1}
INTERVAL: Mapping[str, Properties] = {"lower": POINTS, "upper": POINTS}
HEAT: Properties = {
    **POINTS,
    "custom.cellOptions": {"type": "color-background"},
    "color": {"mode": "continuous-RdYlGr"},
    "min": 0,
    "max": 100,
}


def _estimates(group_by: str, period: str, measure: str = "total") -> str:
    """The view, cut down to what people chose. Days are local; the last one counts as far as it has come."""
    return f"""quality_estimates(
        group_by='{group_by}', period='{period}', measure='{measure}', measure_ids=[], half_width_limit=10,
        from_day=toDate($__fromTime, '${{time_zone}}'), to_day=toDate($__toTime, '${{time_zone}}') + 1,
        time_zone='${{time_zone}}', channels=[${{channel:singlequote}}], sites=[${{site:singlequote}}],
        teams=[${{team:singlequote}}], colleagues=[${{colleague:singlequote}}], topics=[${{topic:singlequote}}],
        languages=[${{language:singlequote}}], strata=[${{stratum:singlequote}}],
        scorecards=[${{scorecard:singlequote}}]
    )"""


OVERALL = Sql(
    f"""
    SELECT
        mean_0_100 AS quality,
        (upper_0_100 - lower_0_100) / 2 AS `+/-`,
        toFloat64(reviewed) AS reviewed,
        toFloat64(eligible) AS `speak for`,
        response_rate AS `response rate`,
        toFloat64(joins) AS `cells joined`
    FROM {_estimates("all", "all")}
    """
)

QUALITY = Dashboard(
    uid="tafol-quality",
    title="Tafol: quality trends",
    about="Design-weighted estimates with their 95 % intervals; what they mean is in docs/grafana.md.",
    desk_path="/trends",
    since="now-90d",
    refresh="30m",
    marks={
        "Alerts": """
            SELECT
                since AS time,
                raised_at AS timeEnd,
                concat('Dropped: ', series_id) AS title,
                concat(toString(round(mean_0_100, 1)), ' points, held to ', toString(round(reference_0_100, 1)),
                    ', over ', toString(reviews), ' reviews') AS text,
                toString(status) AS tags
            FROM current_alerts
            WHERE since <= $__toTime AND raised_at >= $__fromTime
              AND (series['channel'] = '' OR $__conditionalAll(series['channel'] IN (${channel:singlequote}), $channel))
              AND (series['team'] = '' OR $__conditionalAll(series['team'] IN (${team:singlequote}), $team))
              AND (series['colleague'] = ''
                  OR $__conditionalAll(series['colleague'] IN (${colleague:singlequote}), $colleague))
            ORDER BY time
        """,
    },
    variables=(
        choice("group_by", "Group by", *GROUPS),
        choice("period", "Period", *PERIODS),
        constant_text("time_zone", "Time zone", "Europe/London"),
        *(dimension(name) for name in ("channel", "site", "team", "colleague", "topic", "language")),
        values_of(
            "stratum",
            "SELECT DISTINCT stratum FROM selections WHERE $__timeFilter(ended_at) AND stratum != '' ORDER BY stratum",
        ),
        values_of(
            "scorecard", "SELECT DISTINCT scorecard_id FROM scores WHERE $__timeFilter(ended_at) ORDER BY scorecard_id"
        ),
    ),
    panels=(
        numbers(
            "In the whole range",
            "The mean score with half its 95 % interval, the reviews it rests on, and the transactions they speak for. "
            "Cells joined: draw cells with a single review, which had to be taken together with others.",
            OVERALL,
            columns={
                "quality": POINTS,
                "+/-": POINTS,
                "reviewed": {"decimals": 0},
                "speak for": {"decimals": 0},
                "response rate": PERCENT,
                "cells joined": {"decimals": 0},
            },
        ),
        banded(
            lines(
                "Quality, with its 95 % interval",
                "Mean score of all that was chosen. Where bands overlap widely, a difference says little; whether "
                "quality has dropped is what alerts are for. The last periods are provisional while reviews are due.",
                Sql(
                    f"""
                    SELECT {TIME}, mean_0_100 AS quality, lower_0_100 AS lower, upper_0_100 AS upper
                    FROM {_estimates("all", "${period}")}
                    WHERE reviewed > 0
                    ORDER BY time
                    """,
                    TIME_SERIES,
                ),
                span=WIDTH,
                height=10,
                floor=None,
                ceiling=100,
            ),
            "lower",
            "upper",
        ),
        lines(
            "Quality by group",
            "Mean scores. A period with too few reviews of a group to say anything (fewer than 5, or an interval wider "
            "than 10 points either way) is a gap.",
            Sql(
                f"""
                SELECT {TIME}, group_id, if(too_few, NULL, mean_0_100) AS quality
                FROM {_estimates("${group_by}", "${period}")}
                WHERE reviewed > 0
                ORDER BY time, group_id
                """,
                TIME_SERIES,
            ),
            floor=None,
            ceiling=100,
        ),
        rows(
            "Groups in the whole range",
            "In the order of their names: a rank would say more than is known. The league with its intervals of ranks "
            "is a page of the desk.",
            Sql(
                f"""
                SELECT
                    group_id AS `group`, mean_0_100 AS quality, lower_0_100 AS lower, upper_0_100 AS upper, reviewed,
                    round(eligible) AS `speak for`, response_rate AS `response rate`, {TOO_FEW}
                FROM {_estimates("${group_by}", "all")}
                ORDER BY `group`
                """
            ),
            columns={**INTERVAL, "quality": POINTS, "response rate": PERCENT},
        ),
        lines(
            "Criteria",
            "Mean score of each criterion.",
            Sql(
                f"""
                SELECT {TIME}, measure_id AS criterion, if(too_few, NULL, mean_0_100) AS quality
                FROM {_estimates("all", "${period}", "criterion")}
                WHERE reviewed > 0
                ORDER BY time, criterion
                """,
                TIME_SERIES,
            ),
            floor=None,
            ceiling=100,
        ),
        rows(
            "Criteria by group",
            "Of the whole range.",
            Sql(
                f"""
                SELECT
                    measure_id AS criterion, group_id AS `group`, mean_0_100 AS quality, lower_0_100 AS lower,
                    upper_0_100 AS upper, reviewed, {TOO_FEW}
                FROM {_estimates("${group_by}", "all", "criterion")}
                WHERE reviewed > 0
                ORDER BY criterion, `group`
                """
            ),
            columns={**INTERVAL, "quality": HEAT},
        ),
        lines(
            "Without a critical error",
            "Per cent of transactions, for each class of critical error; any: of no class.",
            Sql(
                f"""
                SELECT {TIME}, measure_id AS `class`, mean_0_100 AS `per cent`
                FROM {_estimates("all", "${period}", "error_class")}
                WHERE reviewed > 0
                ORDER BY time, `class`
                """,
                TIME_SERIES,
            ),
            unit="percent",
            floor=None,
            ceiling=100,
        ),
        rows(
            "Without a critical error, by group",
            "Wilson's interval at the effective sample size, which holds near 0 and 100 too.",
            Sql(
                f"""
                SELECT
                    group_id AS `group`, measure_id AS `class`, mean_0_100 AS `per cent`, lower_0_100 AS lower,
                    upper_0_100 AS upper, reviewed, {TOO_FEW}
                FROM {_estimates("${group_by}", "all", "error_class")}
                WHERE reviewed > 0
                ORDER BY `group`, `class`
                """
            ),
            columns={**INTERVAL, "per cent": POINTS},
        ),
        bars(
            "Scores",
            "Per cent of transactions in each tenth of the scale.",
            Sql(
                f"""
                SELECT concat(toString(toUInt8(measure_id)), '+') AS score, mean_0_100 AS `per cent`
                FROM {_estimates("all", "all", "distribution")}
                WHERE reviewed > 0
                ORDER BY toUInt8(measure_id) DESC
                """
            ),
            unit="percent",
        ),
        lines(
            "What it rests on",
            "Transactions reviewed, by group, and the share reviewed of what was drawn.",
            Sql(
                f"""
                SELECT {TIME}, group_id, toFloat64(reviewed) AS reviewed, response_rate AS `response rate`
                FROM {_estimates("${group_by}", "${period}")}
                ORDER BY time, group_id
                """,
                TIME_SERIES,
            ),
        ).override_by_regexp("/response rate/", PER_CENT_ON_THE_RIGHT),
    ),
)
