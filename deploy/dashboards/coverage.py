"""Coverage and sampling: what came in, what became of it, and whether the draws took what they should."""

from __future__ import annotations

from deploy.dashboards.frame import Dashboard, constant_text, cut_down, dimension, values_of
from deploy.dashboards.panels import BAD, GOOD, WATCH, WIDTH, bars, lines, number, rows, stacked, steps
from deploy.dashboards.queries import TABLE, TIME_SERIES, Sql

DAYS = """
    WITH drawn AS
    (
        SELECT toDate(ended_at, '${time_zone}') AS day, channel, stratum, uniqExact(transaction_id) AS selected
        FROM current_selections
        WHERE purpose IN ('random', 'systematic', 'quota') AND $__timeFilter(ended_at)
        GROUP BY day, channel, stratum
    )
"""
FILTERS = """$__conditionalAll(channel IN (${channel:singlequote}), $channel)
        AND $__conditionalAll(stratum IN (${stratum:singlequote}), $stratum)"""


def _so_far(measure: str) -> Sql:
    return Sql(f"SELECT toFloat64({measure}) AS records FROM current_read_counts")


COVERAGE = Dashboard(
    uid="tafol-coverage",
    title="Tafol: coverage and sampling",
    about="What came in, what became of it, and whether the draws took what they should.",
    desk_path="/coverage",
    variables=(
        constant_text("time_zone", "Time zone", "Europe/London"),
        dimension("channel"),
        values_of(
            "stratum",
            "SELECT DISTINCT stratum FROM current_population_counts WHERE $__dateFilter(day) AND stratum != '' "
            "ORDER BY stratum",
        ),
    ),
    panels=(
        number("Read", "Records of all sources, of the whole log.", _so_far("sum(read)"), span=4),
        number("Repeats", "Sent more than once by a source; they count once.", _so_far("sum(repeats)"), span=4),
        number(
            "Rejected",
            "Share of what was read that cannot be used. `tafol rejected list` says why.",
            _so_far("sum(arraySum(mapValues(rejected))) / greatest(sum(read), 1)"),
            unit="percentunit",
            decimals=2,
            levels=steps((None, GOOD), (0.01, WATCH), (0.05, BAD)),
        ),
        number(
            "Excluded",
            "Share of what was read that may not be reviewed: no notice, too short, and the like.",
            _so_far("sum(arraySum(mapValues(excluded))) / greatest(sum(read), 1)"),
            unit="percentunit",
            decimals=1,
        ),
        number("Eligible", "The population: what draws draw from.", _so_far("sum(eligible)"), span=4),
        number(
            "Not accounted for",
            "Read = repeats + rejected + excluded + eligible. Anything but 0 is a fault: `tafol status` says which.",
            _so_far(
                "abs(toInt64(sum(read)) - toInt64(sum(repeats) + sum(eligible) + sum(arraySum(mapValues(rejected)))"
                " + sum(arraySum(mapValues(excluded)))))"
            ),
            levels=steps((None, GOOD), (1, BAD)),
        ),
        stacked(
            "Eligible transactions by day",
            "By the local day on which they ended.",
            Sql(
                f"""
                SELECT
                    toDateTime(day, 'UTC') AS time, toString(channel) AS channel, toFloat64(sum(eligible)) AS eligible
                FROM current_population_counts
                WHERE $__dateFilter(day) AND {FILTERS}
                GROUP BY day, channel
                ORDER BY time, channel
                """,
                TIME_SERIES,
            ),
        ),
        lines(
            "Share drawn by day",
            "Distinct transactions that a probability draw took, of those eligible. Quota windows that are still open "
            "make the last days low.",
            Sql(
                f"""
                {DAYS.strip()}
                SELECT
                    toDateTime(day, 'UTC') AS time,
                    toString(stratum) AS stratum,
                    sum(drawn.selected) / sum(counted.eligible) AS share
                FROM
                (
                    SELECT day, channel, stratum, sum(eligible) AS eligible
                    FROM current_population_counts
                    WHERE $__dateFilter(day) AND {FILTERS}
                    GROUP BY day, channel, stratum
                ) AS counted
                LEFT JOIN drawn USING (day, channel, stratum)
                GROUP BY day, stratum
                HAVING sum(counted.eligible) > 0
                ORDER BY time, stratum
                """,
                TIME_SERIES,
            ),
            unit="percentunit",
        ),
        rows(
            "Strata",
            "`inclusion probability`: the design's, averaged over what was drawn; it should be near the share drawn, "
            "but for windows that are still open.",
            Sql(
                f"""
                SELECT
                    counted.frame AS frame,
                    counted.stratum AS stratum,
                    drawn.methods AS draws,
                    counted.eligible AS eligible,
                    drawn.selected AS selected,
                    drawn.selected / greatest(counted.eligible, 1) AS `share drawn`,
                    drawn.probability AS `inclusion probability`
                FROM
                (
                    SELECT concat(frame_id, ':', toString(frame_version)) AS frame, toString(stratum) AS stratum,
                        sum(eligible) AS eligible
                    FROM current_population_counts
                    WHERE $__dateFilter(day) AND {FILTERS}
                    GROUP BY frame, stratum
                ) AS counted
                LEFT JOIN
                (
                    SELECT concat(frame_id, ':', toString(frame_version)) AS frame, toString(stratum) AS stratum,
                        arrayStringConcat(arraySort(groupUniqArray(toString(purpose))), ', ') AS methods,
                        uniqExact(transaction_id) AS selected, avg(inclusion_probability) AS probability
                    FROM current_selections
                    WHERE purpose IN ('random', 'systematic', 'quota') AND $__timeFilter(ended_at)
                        AND {cut_down("channel")}
                    GROUP BY frame, stratum
                ) AS drawn USING (frame, stratum)
                ORDER BY eligible DESC
                """
            ),
            span=WIDTH,
            columns={
                "share drawn": {"unit": "percentunit", "decimals": 2},
                "inclusion probability": {"unit": "percentunit", "decimals": 2},
            },
        ),
        bars(
            "Excluded, by reason",
            "Valid transactions that may not be reviewed, of the whole log.",
            Sql(
                """
                SELECT reason, toFloat64(sum(records)) AS transactions
                FROM current_read_counts
                ARRAY JOIN mapKeys(excluded) AS reason, mapValues(excluded) AS records
                GROUP BY reason
                ORDER BY transactions DESC
                """
            ),
            span=8,
        ),
        bars(
            "Rejected, by reason",
            "By the time at which they were appended.",
            Sql(
                """
                SELECT toString(reason) AS reason, toFloat64(count()) AS records
                FROM current_rejected
                WHERE $__timeFilter(appended_at)
                GROUP BY reason
                ORDER BY records DESC
                """
            ),
            span=8,
        ),
        rows(
            "Windows of quotas and caps",
            "Closed windows that began in the range. `short`: the unit had fewer eligible transactions than its quota.",
            Sql(
                """
                SELECT
                    toString(stratum) AS stratum,
                    count() AS windows,
                    sum(cells.eligible) AS eligible,
                    sum(cells.selected) AS selected,
                    countIf(cells.eligible > 0 AND cells.selected = cells.eligible) AS short,
                    max(closed_at) AS `last closed`
                FROM current_draw_cells AS cells
                WHERE $__timeFilter(starts) AND $__conditionalAll(stratum IN (${stratum:singlequote}), $stratum)
                GROUP BY stratum
                ORDER BY stratum
                """
            ),
            span=8,
        ),
        rows(
            "How old the tables are",
            "When rows of each topic were last made safe. A topic without new records is as old as its last one.",
            Sql(
                """
                SELECT topic, max(written_at) AS `last written`, dateDiff('second', `last written`, now64(3)) AS age
                FROM sink_positions
                GROUP BY topic
                ORDER BY topic
                """,
                TABLE,
            ),
            columns={"age": {"unit": "s"}},
        ),
        rows(
            "Draws that wait, and what came too late",
            "Candidates of windows that are still open, and those that reached the draw after their window was closed: "
            "they are outside the population and shown as under-coverage.",
            Sql(
                f"""
                SELECT
                    toString(channel) AS channel,
                    toString(stratum) AS stratum,
                    sum(counts.candidates) AS candidates,
                    sum(counts.late) AS late,
                    candidates - late - sum(counts.eligible) AS waiting,
                    late / greatest(candidates, 1) AS `share late`
                FROM current_draw_counts AS counts
                WHERE {FILTERS}
                GROUP BY channel, stratum
                ORDER BY channel, stratum
                """
            ),
            columns={"share late": {"unit": "percentunit", "decimals": 2}},
        ),
    ),
)
