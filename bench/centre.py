"""A year of a large centre, made by SQL inside ClickHouse: what `bench.panels` asks about.

    500 colleagues in 50 teams of 5 sites; phone, chat and face to face 6:3:1; five topics, the commonest six times the
    rarest; one transaction in ten in Welsh; busy and quiet seasons; 2 % may not be reviewed, and one record in 1,000 is
    rejected
    one in 19 is drawn, of which nearly all are reviewed: 5 million reviews of 100 million transactions
    five criteria a review, scores pressed against the top, 2 % of critical errors, teams and colleagues that differ
    one stratum is a quota of each colleague and week, the others are drawn at a fixed rate

Rows come in the order of time, as in production, under ids that rise with it but for shuffles of 4,096. In the end what
a sink that was killed sent twice, and corrections of one review in 50, lie in parts of their own: not merged with what
they replace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from clickhouse_connect.driver.client import Client

STEP: Final = 2_500_000
"""Transactions of one round of INSERTs."""
YEAR_S: Final = 365 * 86_400
QUOTA: Final = "face_to_face/complaint"
SETTINGS: Final = {"max_insert_threads": 2, "optimize_on_insert": 0}
"""Made rows are distinct: nothing to replace before they are stored."""

TRANSACTION: Final = f"""
    intDiv(number, 4096) AS thousand,
    concat('t-', leftPad(toString(thousand * 4096 + bitXor(number % 4096, cityHash64(thousand) % 4096)), 12, '0'))
        AS transaction_id,
    arrayElement(
        ['phone', 'phone', 'phone', 'phone', 'phone', 'phone', 'chat', 'chat', 'chat', 'face_to_face'],
        1 + cityHash64(number, 1) % 10
    ) AS channel,
    cityHash64(number, 2) % 500 AS person,
    concat('colleague-', leftPad(toString(person), 3, '0')) AS colleague_id,
    concat('team-', leftPad(toString(intDiv(person, 10)), 2, '0')) AS team_id,
    concat('site-', toString(intDiv(person, 100))) AS site,
    cityHash64(number, 3) % 100 AS of_topic,
    multiIf(
        of_topic < 38, 'billing', of_topic < 64, 'faults', of_topic < 82, 'moving', of_topic < 94, 'complaint', 'sales'
    ) AS topic,
    if(cityHash64(number, 4) % 10 = 0, 'cy', 'en') AS language,
    (number + 0.5) / {{size:UInt64}} AS through,
    toDateTime64(
        {{until:Float64}} - cityHash64(number, 5) % 21600
            - {{span:UInt32}} * (1 - through - 0.03 * sin(4 * pi() * through)),
        3, 'UTC'
    ) AS ended_at,
    ended_at - toIntervalSecond(30 + cityHash64(number, 6) % 900) AS started_at,
    'centre' AS frame_id,
    toUInt32(1) AS frame_version,
    concat(channel, '/', topic) AS stratum,
    stratum = '{QUOTA}' AS by_quota,
    cityHash64(number, 7) % 50 = 0 AS excluded,
    number % 19 = 0 AND NOT excluded AS drawn,
    concat('transactions.', if(channel = 'face_to_face', 'face-to-face', channel)) AS source_topic,
    toUInt32(0) AS source_partition,
    toUInt64(2 * number) AS source_offset
"""
"""The columns of one transaction, from its `number`; rejected records stand at the odd offsets."""
REVIEW: Final = """
    concat(transaction_id, '|service') AS score_id,
    concat(score_id, '|1') AS task_id,
    [if(by_quota, 'quota', 'random')] AS purposes,
    if(by_quota, NULL, 1 / 19) AS inclusion_probability,
    'service' AS scorecard_id,
    toUInt32(1) AS scorecard_version,
    channel AS queue,
    toUInt8(5) AS priority,
    ended_at AS drawn_at,
    ended_at + toIntervalDay(2) AS due_at,
    toUInt8(1) AS copy_number,
    toUInt8(1) AS copies,
    toUInt64(number) AS log_offset,
    ended_at + toIntervalMinute(30 + cityHash64(number, 8) % 2820) AS outcome_at,
    outcome_at > toDateTime64({until:Float64}, 3, 'UTC') AS awaiting,
    multiIf(number % 209 = 0, 'shed', number % 361 = 0, 'skipped', 'submitted') AS outcome,
    cityHash64(number, 9) % 50 = 0 AS critical,
    76 + cityHash64(team_id) % 13 + cityHash64(colleague_id) % 9 AS level,
    100 + (100 - level) * log((1 + cityHash64(number, 10) % 1000) / 1000) AS skewed,
    if(critical, 0., round(greatest(0., skewed), 1)) AS score,
    cityHash64(number, 11) % 50 = 0 AS corrected
"""
"""What came of one that was drawn, after the columns of TRANSACTION."""
FIELDS: Final = (
    "channel, team_id, colleague_id, site, topic, language, started_at, ended_at, frame_id, frame_version, stratum, "
    "source_topic, source_partition, source_offset"
)
SHARED: Final = f"transaction_id, {FIELDS}"
TASK: Final = (
    "purposes, inclusion_probability, scorecard_id, scorecard_version, queue, priority, drawn_at, due_at, copy_number, "
    "copies, log_offset"
)
NUMBERS: Final = "FROM numbers({first:UInt64}, {count:UInt64})"
ALL: Final = f"(SELECT number, {TRANSACTION} {NUMBERS})"
DRAWN: Final = f"(SELECT number, {TRANSACTION}, {REVIEW} {NUMBERS} WHERE number % 19 = 0 AND drawn)"
REVIEWED: Final = f"(SELECT * FROM {DRAWN} WHERE outcome = 'submitted' AND NOT awaiting)"
CORRECTED: Final = f"(SELECT * FROM {REVIEWED} WHERE corrected)"

TRANSACTIONS: Final = f"""
    INSERT INTO transactions (id, decision, reason, draw_method, inclusion_probability, appended_at, {FIELDS})
    SELECT transaction_id,
        multiIf(excluded, 'excluded', by_quota, 'pending', drawn, 'selected', 'not_selected'),
        if(excluded, ['too_short', 'customer_not_told', 'customer_told_late'][1 + cityHash64(number, 12) % 3], ''),
        if(by_quota, 'quota', 'random'), if(by_quota, NULL, 1 / 19), ended_at + toIntervalSecond(20), {FIELDS}
    FROM {ALL}"""


def _reviews(revision: int, source: str) -> str:
    return f"""
        INSERT INTO reviews (review_id, revision, outcome, outcome_reason, outcome_at, reviewer_id, time_spent_s,
            {TASK}, {SHARED})
        SELECT task_id, {revision}, outcome, if(outcome = 'submitted', '', 'Not reached'), outcome_at,
            if(outcome = 'shed', '', concat('reviewer-', toString(cityHash64(number, 13) % 60))),
            120 + cityHash64(number, 14) % 600,
            {TASK.replace("log_offset", f"log_offset + {revision} * 1000000000")}, {SHARED}
        FROM {source}"""


def _scores(revision: int, source: str) -> tuple[str, str]:
    as_of = f"number + {revision} * 1000000000"
    return (
        f"""
        INSERT INTO scores (score_id, total_0_100, critical_errors, review_ids, reviewer_ids, purposes, scorecard_id,
            scorecard_version, inclusion_probability, scored_at, as_of_offset, {SHARED})
        SELECT score_id, greatest(0, score - {revision}), if(critical, ['compliance'], []), [task_id],
            [concat('reviewer-', toString(cityHash64(number, 13) % 60))], purposes, scorecard_id, scorecard_version,
            inclusion_probability, outcome_at, {as_of}, {SHARED}
        FROM {source}""",
        f"""
        INSERT INTO score_criteria (score_id, criterion, score_0_100, rated_by, ended_at, as_of_offset)
        SELECT score_id, criterion,
            greatest(0, least(100, score - {revision} + cityHash64(number, criterion) % 21 - 10)), 1, ended_at, {as_of}
        FROM {source}
        ARRAY JOIN ['greeting', 'identity', 'listening', 'solution', 'closing'] AS criterion""",
    )


IN_STEPS: Final = (
    TRANSACTIONS,
    f"""
    INSERT INTO rejected (source_topic, source_partition, source_offset, reason, message, bytes, appended_at, log_topic,
        log_offset)
    SELECT source_topic, 0, source_offset + 1, ['not_json', 'missing_field'][1 + number % 2], 'Made for a bench.', 400,
        ended_at, 'transactions.rejected', number
    FROM {ALL} WHERE number % 1000 = 7""",
    f"""
    INSERT INTO selections (selection_id, draw_id, purpose, inclusion_probability, drawn_at, {SHARED})
    SELECT concat('centre:1:', stratum, '|', transaction_id), concat('centre:1:', stratum), purposes[1],
        inclusion_probability, drawn_at, {SHARED}
    FROM {DRAWN}""",
    f"INSERT INTO review_tasks (task_id, {TASK}, {SHARED}) SELECT task_id, {TASK}, {SHARED} FROM {DRAWN}",
    _reviews(0, f"{DRAWN} WHERE NOT awaiting"),
    *_scores(0, REVIEWED),
    f"""
    INSERT INTO series_points (series_id, series, score_0_100, scorecard_id, scorecard_version, stratum, detectors_id,
        detectors_version, review_id, transaction_id, ended_at, reviewed_at, log_offset)
    SELECT concat('team=', team_id), map('team', team_id), score, scorecard_id, scorecard_version, stratum, 'detectors',
        1, task_id, transaction_id, ended_at, outcome_at, log_offset
    FROM {REVIEWED}""",
)
"""One round: the numbers [first, first + count)."""
COUNTED: Final = (
    """
    INSERT INTO population_counts (topic, partition, day, channel, frame_id, frame_version, stratum, eligible, selected,
        as_of_offset)
    SELECT source_topic, 0, toDate(ended_at) AS day, channel, frame_id, frame_version, stratum, count(),
        countIf(decision = 'selected'), max(source_offset)
    FROM transactions
    WHERE decision != 'excluded'
    GROUP BY source_topic, day, channel, frame_id, frame_version, stratum""",
    """
    INSERT INTO read_counts (topic, partition, read, rejected, excluded, eligible, selected, not_selected, pending,
        as_of_offset)
    SELECT source_topic, 0, stored.records + refused.records, refused.reasons, stored.reasons, eligible, selected,
        not_selected, pending, greatest(stored.latest, refused.latest)
    FROM
    (
        SELECT source_topic, count() AS records, sumMapIf(map(reason, toUInt64(1)), decision = 'excluded') AS reasons,
            countIf(decision != 'excluded') AS eligible, countIf(decision = 'selected') AS selected,
            countIf(decision = 'not_selected') AS not_selected, countIf(decision = 'pending') AS pending,
            max(source_offset) AS latest
        FROM transactions
        GROUP BY source_topic
    ) AS stored
    INNER JOIN
    (
        SELECT source_topic, count() AS records, sumMap(map(reason, toUInt64(1))) AS reasons,
            max(source_offset) AS latest
        FROM rejected
        GROUP BY source_topic
    ) AS refused USING (source_topic)""",
    f"""
    INSERT INTO draw_counts (partition, channel, frame_id, frame_version, stratum, candidates, late, eligible, selected,
        as_of_offset)
    SELECT 0, channel, frame_id, frame_version, stratum, count(), 0, count(),
        (SELECT count() FROM selections WHERE purpose = 'quota'), max(source_offset)
    FROM transactions
    WHERE decision = 'pending' AND stratum = '{QUOTA}'
    GROUP BY channel, frame_id, frame_version, stratum""",
    f"""
    INSERT INTO draw_cells (draw_id, purpose, frame_id, frame_version, stratum, unit, starts, ends, closed_at, eligible,
        taken, selected, as_of_offset)
    SELECT 'centre:1:{QUOTA}', 'quota', 'centre', 1, '{QUOTA}', concat('colleague/', colleague_id) AS unit,
        toDateTime64(toMonday(ended_at), 3, 'UTC') AS starts, starts + toIntervalDay(7) AS ends, ends, count(),
        countIf(id IN (SELECT transaction_id FROM selections WHERE purpose = 'quota')) AS taken, taken, 1
    FROM transactions
    WHERE decision = 'pending' AND stratum = '{QUOTA}'
    GROUP BY unit, starts""",
    """
    INSERT INTO sink_positions (topic, topic_id, partition, next_offset, written_at)
    SELECT topic, 'bench', 0, as_of_offset + 1, (SELECT max(appended_at) FROM transactions) FROM read_counts""",
    """
    INSERT INTO alerts (alert_id, series_id, series, state, closed_because, since, raised_at, changed_at, times_raised,
        evidence, threshold, reviews, reference_0_100, mean_0_100, one_false_alarm_in_periods, period, detectors_id,
        detectors_version, as_of_offset)
    SELECT concat(series_id, '|', toString(number)),
        concat('team=team-', leftPad(toString(number % 50), 2, '0')) AS series_id,
        map('team', splitByChar('=', series_id)[2]), if(number % 3 = 0, 'open', 'closed'),
        if(number % 3 = 0, '', 'back'), raised_at - toIntervalDay(9),
        (SELECT max(ended_at) FROM transactions) - toIntervalDay(3 * number + 2) AS raised_at, raised_at, 1, 1500, 1000,
        80, 88, 84, 1, 'quarter', 'detectors', 1, number
    FROM numbers(100)""",
    """
    INSERT INTO alert_actions (action_id, alert_id, series_id, action, acted_by, reason, acted_at)
    SELECT concat('action-', alert_id), alert_id, series_id, 'acknowledge', 'lead-1', 'Looked at.', raised_at
    FROM alerts WHERE as_of_offset % 2 = 0""",
)
"""Once, when all rounds are done: what counts and stages say of the whole."""
NOT_MERGED: Final = (
    f"{TRANSACTIONS} WHERE number % 500 = 0",
    _reviews(1, CORRECTED),
    *_scores(1, CORRECTED),
)
"""Once, at the very end: repeats and corrections, over the whole year."""


def fill(client: Client, size: int, until: datetime, tell: Callable[[str], None]) -> None:
    """`size` transactions of the year before `until`, and all that came of them, into an empty database."""
    whole = {"size": size, "until": until.timestamp(), "span": YEAR_S}
    for first, count in _rounds(size):
        tell(f"filling: {first:,} of {size:,} transactions")
        for statement in IN_STEPS:
            client.command(statement, parameters=whole | {"first": first, "count": count}, settings=SETTINGS)
    tell("filling: counts, repeats and corrections")
    for statement in COUNTED:
        client.command(statement, settings=SETTINGS)
    for statement in NOT_MERGED:
        client.command(statement, parameters=whole | {"first": 0, "count": size}, settings=SETTINGS)


def _rounds(size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, size, STEP):
        yield first, min(STEP, size - first)
