"""Queues and reviewers: what waits, what was done in time, and what was not reviewed and why."""

from __future__ import annotations

from deploy.dashboards.frame import Dashboard, cut_down, dimension, values_of
from deploy.dashboards.panels import BAD, GOOD, WATCH, WIDTH, bars, lines, number, rows, stacked, steps
from deploy.dashboards.queries import TIME_SERIES, Sql, promql

DIMENSIONS = ("channel", "site", "team", "topic", "language")
FILTERS = f"""$__conditionalAll(queue IN (${{queue:singlequote}}), $queue)
  AND {cut_down(*DIMENSIONS)}"""
RECENT = "ended_at > $__fromTime - INTERVAL 100 DAY"
"""Older transactions have no task that waits or was due in the range; without this every month would be read."""
TASKS = f"""
    FROM (SELECT * FROM current_review_tasks WHERE {RECENT}) AS tasks
    LEFT JOIN (SELECT review_id, outcome, outcome_at FROM current_reviews WHERE {RECENT}) AS reviews
        ON reviews.review_id = tasks.task_id
    WHERE {FILTERS}
"""
NONE_YET = "reviews.review_id = ''"

QUEUES = Dashboard(
    uid="tafol-queues",
    title="Tafol: queues and reviewers",
    about="What waits for review, what was done in time, and what was not reviewed and why.",
    desk_path="/queues",
    prometheus=True,
    variables=(
        values_of(
            "queue", "SELECT DISTINCT queue FROM current_review_tasks WHERE $__timeFilter(due_at) ORDER BY queue"
        ),
        *(dimension(name) for name in DIMENSIONS),
    ),
    panels=(
        number(
            "Waiting",
            "Tasks without an outcome.",
            Sql(f"SELECT toFloat64(countIf({NONE_YET})) AS tasks {TASKS}"),
        ),
        number(
            "Overdue",
            "Of those, past their due time.",
            Sql(f"SELECT toFloat64(countIf({NONE_YET} AND due_at <= now64(3))) AS tasks {TASKS}"),
            levels=steps((None, GOOD), (1, WATCH), (10, BAD)),
        ),
        number(
            "Next due",
            "Until the first of those that wait and are not overdue.",
            Sql(
                "SELECT toFloat64(dateDiff('second', now64(3), "
                f"minIf(due_at, {NONE_YET} AND due_at > now64(3)))) AS until {TASKS} "
                f"AND {NONE_YET} AND due_at > now64(3) HAVING count() > 0"
            ),
            unit="s",
        ),
        number(
            "Response rate",
            "Share reviewed of the tasks that were due in the range.",
            Sql(
                "SELECT countIf(reviews.outcome = 'submitted') / greatest(count(), 1) AS share "
                f"{TASKS} AND $__timeFilter(due_at) AND due_at <= now64(3)"
            ),
            unit="percentunit",
            decimals=1,
            levels=steps((None, BAD), (0.6, WATCH), (0.8, GOOD)),
        ),
        number(
            "In time",
            "Share of the reviews that were submitted by their due time.",
            Sql(
                "SELECT countIf(outcome_at <= due_at) / greatest(count(), 1) AS share "
                f"{TASKS} AND $__timeFilter(due_at) AND reviews.outcome = 'submitted'"
            ),
            unit="percentunit",
            decimals=1,
            levels=steps((None, BAD), (0.8, WATCH), (0.9, GOOD)),
        ),
        number(
            "From drawn to reviewed",
            "Median time.",
            Sql(
                "SELECT toFloat64(median(dateDiff('second', drawn_at, outcome_at))) AS time_taken "
                f"{TASKS} AND $__timeFilter(due_at) AND reviews.outcome = 'submitted' HAVING count() > 0"
            ),
            unit="s",
        ),
        stacked(
            "What became of the tasks, by the day they were due",
            "shed: nobody took it in time; expired: begun and not finished; awaiting: not ended yet.",
            Sql(
                f"""
                SELECT
                    toStartOfDay(due_at) AS time,
                    if({NONE_YET}, 'awaiting', toString(reviews.outcome)) AS outcome,
                    toFloat64(count()) AS tasks
                {TASKS}
                    AND $__timeFilter(due_at)
                GROUP BY time, outcome
                ORDER BY time, outcome
                """,
                TIME_SERIES,
            ),
            span=WIDTH,
        ),
        rows(
            "Queues",
            "Tasks that were due in the range; those that wait now are above.",
            Sql(
                f"""
                SELECT
                    toString(queue) AS queue,
                    count() AS tasks,
                    countIf(reviews.outcome = 'submitted') AS reviewed,
                    countIf(reviews.outcome IN ('skipped', 'expired', 'shed', 'withdrawn')) AS `not reviewed`,
                    countIf({NONE_YET}) AS awaiting,
                    reviewed / greatest(reviewed + `not reviewed`, 1) AS `response rate`,
                    countIf(reviews.outcome = 'submitted' AND outcome_at <= due_at) / greatest(reviewed, 1) AS `in time`
                {TASKS}
                    AND $__timeFilter(due_at)
                GROUP BY queue
                ORDER BY tasks DESC
                """
            ),
            columns={
                "response rate": {"unit": "percentunit", "decimals": 1},
                "in time": {"unit": "percentunit", "decimals": 1},
            },
        ),
        bars(
            "Why tasks were not reviewed",
            "Reasons that reviewers and the desk gave.",
            Sql(
                f"""
                SELECT concat(toString(outcome), ': ', outcome_reason) AS reason, toFloat64(count()) AS tasks
                FROM current_reviews
                WHERE outcome != 'submitted' AND {RECENT} AND $__timeFilter(due_at) AND {FILTERS}
                GROUP BY reason
                ORDER BY tasks DESC
                LIMIT 12
                """
            ),
        ),
        lines(
            "Waiting, as the workers saw it",
            "Kept by Prometheus.",
            promql('max by (queue) (tafol_tasks_waiting{queue=~"${queue:regex}"})', "{{queue}}"),
            promql('max by (queue) (tafol_tasks_overdue{queue=~"${queue:regex}"})', "{{queue}}, overdue", ref_id="B"),
        ),
        lines(
            "Reviews by day",
            "By reviewer. Ids only: names live in the desk.",
            Sql(
                f"""
                SELECT
                    toStartOfDay(outcome_at) AS time, toString(reviewer_id) AS reviewer, toFloat64(count()) AS reviews
                FROM current_reviews
                WHERE outcome = 'submitted' AND {RECENT} AND $__timeFilter(outcome_at) AND {FILTERS}
                GROUP BY time, reviewer
                ORDER BY time, reviewer
                """,
                TIME_SERIES,
            ),
        ),
        rows(
            "Reviewers",
            "Work done, not how strictly: mean scores of reviewers who see different work compare nothing. Ids only.",
            Sql(
                f"""
                SELECT
                    toString(reviewer_id) AS reviewer,
                    countIf(outcome = 'submitted') AS reviews,
                    countIf(outcome = 'skipped') AS skipped,
                    medianIf(time_spent_s, outcome = 'submitted') AS `median time`,
                    countIf(outcome = 'submitted' AND outcome_at <= due_at) / greatest(reviews, 1) AS `in time`,
                    max(outcome_at) AS `last at`
                FROM current_reviews
                WHERE reviewer_id != '' AND {RECENT} AND $__timeFilter(outcome_at) AND {FILTERS}
                GROUP BY reviewer
                ORDER BY reviews DESC
                """
            ),
            span=WIDTH,
            columns={
                "median time": {"unit": "s", "decimals": 0},
                "in time": {"unit": "percentunit", "decimals": 1},
            },
        ),
    ),
)
