-- What detection rests on and what it says. Points and agreements are what travels on `series-points`, in the order of
-- (log_partition, log_offset) within a series.

CREATE TABLE IF NOT EXISTS series_points
(
    series_id LowCardinality(String),
    series Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    score_0_100 Float64 CODEC(ZSTD(1)),
    scorecard_id LowCardinality(String),
    scorecard_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    detectors_id LowCardinality(String),
    detectors_version UInt32 CODEC(T64, ZSTD(1)),
    review_id String CODEC(ZSTD(1)),
    transaction_id String CODEC(ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    reviewed_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    first_stands UInt64 MATERIALIZED bitNot(log_offset) CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK series_id != '' AND review_id != ''
)
ENGINE = ReplacingMergeTree(first_stands)
PARTITION BY toYYYYMM(ended_at)
ORDER BY (series_id, review_id);

-- References that a person agreed. `cells` empty: all cells of the series learn theirs anew.
CREATE TABLE IF NOT EXISTS agreed_references
(
    agreement_id String CODEC(ZSTD(1)),
    series_id LowCardinality(String),
    cells Array(String) CODEC(ZSTD(1)),
    references_0_100 Array(Float64) CODEC(ZSTD(1)),
    agreed_by LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    agreed_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    first_stands UInt64 MATERIALIZED bitNot(log_offset) CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK series_id != '' AND agreement_id != ''
)
ENGINE = ReplacingMergeTree(first_stands)
PARTITION BY toYYYYMM(agreed_at)
ORDER BY (series_id, agreement_id);

-- One row each time an alert changes; the one with the highest offset stands. Partitioned by the month in which it was
-- raised first, which never changes. Scores in points.
CREATE TABLE IF NOT EXISTS alerts
(
    alert_id String CODEC(ZSTD(1)),
    series_id LowCardinality(String),
    series Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    state LowCardinality(String),
    closed_because LowCardinality(String),
    since DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    raised_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    changed_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    times_raised UInt32 CODEC(T64, ZSTD(1)),
    evidence Float64 CODEC(ZSTD(1)),
    threshold Float64 CODEC(ZSTD(1)),
    reviews UInt64 CODEC(T64, ZSTD(1)),
    reference_0_100 Float64 CODEC(ZSTD(1)),
    mean_0_100 Float64 CODEC(ZSTD(1)),
    one_false_alarm_in_periods Float64 CODEC(ZSTD(1)),
    period LowCardinality(String),
    detectors_id LowCardinality(String),
    detectors_version UInt32 CODEC(T64, ZSTD(1)),
    as_of_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK alert_id != '' AND series_id != '',
    CONSTRAINT has_state CHECK state IN ('open', 'closed')
)
ENGINE = ReplacingMergeTree(as_of_offset)
PARTITION BY toYYYYMM(raised_at)
ORDER BY alert_id;

CREATE TABLE IF NOT EXISTS alert_actions
(
    action_id String CODEC(ZSTD(1)),
    alert_id String CODEC(ZSTD(1)),
    series_id LowCardinality(String),
    action LowCardinality(String),
    acted_by LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    acted_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    first_stands UInt64 MATERIALIZED bitNot(log_offset) CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK alert_id != '' AND action_id != '',
    CONSTRAINT has_action CHECK action IN ('acknowledge', 'resolve')
)
ENGINE = ReplacingMergeTree(first_stands)
PARTITION BY toYYYYMM(acted_at)
ORDER BY (alert_id, action_id);

CREATE VIEW IF NOT EXISTS current_series_points AS SELECT * FROM series_points FINAL;

-- Alerts as people see them: what detection says, and the last thing that a person did about each. `status` is
-- 'resolved' once somebody resolved it and it was not raised again since, else 'closed' once detection closed it, else
-- 'acknowledged' or 'open'.
CREATE VIEW IF NOT EXISTS current_alerts AS
SELECT
    alerts.*,
    multiIf(
        last.actions = 0, state,
        last.resolved AND (state = 'closed' OR last.resolved_at >= changed_at), 'resolved',
        state = 'closed', 'closed',
        'acknowledged'
    ) AS status,
    last.last_by AS acted_by,
    last.last_at AS acted_at,
    last.last_reason AS action_reason
FROM (SELECT * FROM alerts FINAL) AS alerts
LEFT JOIN
(
    SELECT
        alert_id,
        count() AS actions,
        max(action = 'resolve') AS resolved,
        maxIf(acted_at, action = 'resolve') AS resolved_at,
        max(acted_at) AS last_at,
        argMax(acted_by, acted_at) AS last_by,
        argMax(reason, acted_at) AS last_reason
    FROM alert_actions FINAL
    GROUP BY alert_id
) AS last ON last.alert_id = alerts.alert_id;
