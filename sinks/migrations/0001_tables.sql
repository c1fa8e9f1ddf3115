-- The tables of Tafol. Every one is a ReplacingMergeTree whose sort key is the id, so that what arrives twice collapses
-- and `FINAL` is exact; every one that has an event time is partitioned by the month of the transaction's end, so that
-- repeats and corrections of one transaction meet in one partition. Deduplication of blocks is not relied on: a batch
-- that is sent again has other boundaries.
--
-- Which row of an id stands:
--   transactions, selections       the first in the source's log (a repeat beyond the remembered stretch changes nothing)
--   reviews, review_ratings        every revision is kept; of one revision the first in the log stands
--   review_tasks                   the last in the log (a further purpose joins the task that is there)
--   scores, score_criteria, counts the one made at the highest offset
-- `first_stands` turns an offset round (2^64 - 1 - offset), because ReplacingMergeTree keeps the highest version.
--
-- source_*: where the transaction stands in the log; log_*: where the record itself stands on its own topic.
-- The constraints catch what JSON input would silently turn into a default: an absent or null id or time.

CREATE TABLE IF NOT EXISTS transactions
(
    id String CODEC(ZSTD(1)),
    channel LowCardinality(String),
    colleague_id LowCardinality(String),
    team_id LowCardinality(String),
    site LowCardinality(String),
    topic LowCardinality(String),
    language LowCardinality(String),
    started_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    customer_pseudonym String CODEC(ZSTD(1)),
    pseudonym_key LowCardinality(String),
    outcome LowCardinality(String),
    flags Array(LowCardinality(String)) CODEC(ZSTD(1)),
    csat_0_100 Nullable(Float64) CODEC(ZSTD(1)),
    auto_score_0_100 Nullable(Float64) CODEC(ZSTD(1)),
    chat_lines UInt32 CODEC(T64, ZSTD(1)),
    has_recording Bool,
    has_transcript Bool,
    place LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(T64, ZSTD(1)),
    source_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    appended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    frame_id LowCardinality(String),
    frame_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    decision LowCardinality(String),
    reason LowCardinality(String),
    draw_method LowCardinality(String),
    draw_number Nullable(UInt64) CODEC(NONE), -- the output of a hash: no codec gains anything
    inclusion_probability Nullable(Float64) CODEC(ZSTD(1)),
    first_stands UInt64 MATERIALIZED bitNot(source_offset) CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK id != '',
    CONSTRAINT has_times CHECK started_at >= toDateTime64('2000-01-01 00:00:00', 3, 'UTC') AND ended_at >= started_at,
    CONSTRAINT has_decision CHECK decision IN ('selected', 'not_selected', 'excluded', 'pending')
)
ENGINE = ReplacingMergeTree(first_stands)
PARTITION BY toYYYYMM(ended_at)
ORDER BY id;

-- Absolute counts by local day; the day is the day of the event time, so it is the partition too.
CREATE TABLE IF NOT EXISTS population_counts
(
    topic LowCardinality(String),
    partition UInt32 CODEC(T64, ZSTD(1)),
    day Date CODEC(Delta(2), ZSTD(1)),
    after_final Bool,
    channel LowCardinality(String),
    frame_id LowCardinality(String),
    frame_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    eligible UInt64 CODEC(T64, ZSTD(1)),
    selected UInt64 CODEC(T64, ZSTD(1)),
    as_of_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_day CHECK day >= toDate('2000-01-01')
)
ENGINE = ReplacingMergeTree(as_of_offset)
PARTITION BY toYYYYMM(day)
ORDER BY (frame_id, frame_version, stratum, day, topic, partition, channel, after_final);

-- One row a source partition: no month, it is the whole of the log so far.
CREATE TABLE IF NOT EXISTS read_counts
(
    topic LowCardinality(String),
    partition UInt32,
    read UInt64,
    repeats UInt64,
    rejected Map(LowCardinality(String), UInt64),
    excluded Map(LowCardinality(String), UInt64),
    eligible UInt64,
    selected UInt64,
    not_selected UInt64,
    pending UInt64,
    unknown_fields Map(String, UInt64),
    as_of_offset UInt64
)
ENGINE = ReplacingMergeTree(as_of_offset)
ORDER BY (topic, partition);

CREATE TABLE IF NOT EXISTS selections
(
    selection_id String CODEC(ZSTD(1)),
    draw_id LowCardinality(String),
    purpose LowCardinality(String),
    frame_id LowCardinality(String),
    frame_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    inclusion_probability Nullable(Float64) CODEC(ZSTD(1)),
    draw_number Nullable(UInt64) CODEC(NONE),
    drawn_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    transaction_id String CODEC(ZSTD(1)),
    channel LowCardinality(String),
    colleague_id LowCardinality(String),
    team_id LowCardinality(String),
    site LowCardinality(String),
    topic LowCardinality(String),
    language LowCardinality(String),
    started_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    customer_pseudonym String CODEC(ZSTD(1)),
    transaction_outcome LowCardinality(String),
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(T64, ZSTD(1)),
    source_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    first_stands UInt64 MATERIALIZED bitNot(source_offset) CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK selection_id != '' AND transaction_id != ''
)
ENGINE = ReplacingMergeTree(first_stands)
PARTITION BY toYYYYMM(ended_at)
ORDER BY selection_id;

CREATE TABLE IF NOT EXISTS review_tasks
(
    task_id String CODEC(ZSTD(1)),
    copy_number UInt8,
    copies UInt8,
    purposes Array(LowCardinality(String)) CODEC(ZSTD(1)),
    frame_id LowCardinality(String),
    frame_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    inclusion_probability Nullable(Float64) CODEC(ZSTD(1)),
    scorecard_id LowCardinality(String),
    scorecard_version UInt32 CODEC(T64, ZSTD(1)),
    queue LowCardinality(String),
    priority UInt8,
    drawn_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    due_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    transaction_id String CODEC(ZSTD(1)),
    channel LowCardinality(String),
    colleague_id LowCardinality(String),
    team_id LowCardinality(String),
    site LowCardinality(String),
    topic LowCardinality(String),
    language LowCardinality(String),
    started_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    customer_pseudonym String CODEC(ZSTD(1)),
    transaction_outcome LowCardinality(String),
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(T64, ZSTD(1)),
    source_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK task_id != '' AND transaction_id != ''
)
ENGINE = ReplacingMergeTree(log_offset)
PARTITION BY toYYYYMM(ended_at)
ORDER BY task_id;

-- One row a revision. What reviewers write (comments, strengths, points to develop) stays on the desk: only the reason
-- for not reviewing is here, because the response rate is shown by it. `reviewer_id` is empty where nobody took the task.
CREATE TABLE IF NOT EXISTS reviews
(
    review_id String CODEC(ZSTD(1)),
    revision UInt32 CODEC(T64, ZSTD(1)),
    outcome LowCardinality(String),
    outcome_reason LowCardinality(String),
    outcome_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    reviewer_id LowCardinality(String),
    time_spent_s Float64 CODEC(ZSTD(1)),
    copy_number UInt8,
    copies UInt8,
    purposes Array(LowCardinality(String)) CODEC(ZSTD(1)),
    frame_id LowCardinality(String),
    frame_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    inclusion_probability Nullable(Float64) CODEC(ZSTD(1)),
    scorecard_id LowCardinality(String),
    scorecard_version UInt32 CODEC(T64, ZSTD(1)),
    queue LowCardinality(String),
    priority UInt8,
    drawn_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    due_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    transaction_id String CODEC(ZSTD(1)),
    channel LowCardinality(String),
    colleague_id LowCardinality(String),
    team_id LowCardinality(String),
    site LowCardinality(String),
    topic LowCardinality(String),
    language LowCardinality(String),
    started_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    customer_pseudonym String CODEC(ZSTD(1)),
    transaction_outcome LowCardinality(String),
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(T64, ZSTD(1)),
    source_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    first_stands UInt64 MATERIALIZED bitNot(log_offset) CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK review_id != '' AND transaction_id != '',
    CONSTRAINT has_outcome CHECK outcome IN ('submitted', 'skipped', 'expired', 'shed', 'withdrawn')
)
ENGINE = ReplacingMergeTree(first_stands)
PARTITION BY toYYYYMM(ended_at)
ORDER BY (review_id, revision);

-- One row a criterion of a submitted review. `value` is on the criterion's own scale; null: not applicable.
CREATE TABLE IF NOT EXISTS review_ratings
(
    review_id String CODEC(ZSTD(1)),
    revision UInt32 CODEC(T64, ZSTD(1)),
    criterion LowCardinality(String),
    value Nullable(Float64) CODEC(ZSTD(1)),
    reviewer_id LowCardinality(String),
    scorecard_id LowCardinality(String),
    scorecard_version UInt32 CODEC(T64, ZSTD(1)),
    transaction_id String CODEC(ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    first_stands UInt64 MATERIALIZED bitNot(log_offset) CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK review_id != '' AND criterion != ''
)
ENGINE = ReplacingMergeTree(first_stands)
PARTITION BY toYYYYMM(ended_at)
ORDER BY (review_id, revision, criterion);

CREATE TABLE IF NOT EXISTS scores
(
    score_id String CODEC(ZSTD(1)),
    total_0_100 Nullable(Float64) CODEC(ZSTD(1)),
    critical_errors Array(LowCardinality(String)) CODEC(ZSTD(1)),
    review_ids Array(String) CODEC(ZSTD(1)),
    reviewer_ids Array(LowCardinality(String)) CODEC(ZSTD(1)),
    scorecard_id LowCardinality(String),
    scorecard_version UInt32 CODEC(T64, ZSTD(1)),
    scoring_rule UInt32 CODEC(T64, ZSTD(1)),
    purposes Array(LowCardinality(String)) CODEC(ZSTD(1)),
    frame_id LowCardinality(String),
    frame_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    inclusion_probability Nullable(Float64) CODEC(ZSTD(1)),
    transaction_id String CODEC(ZSTD(1)),
    channel LowCardinality(String),
    colleague_id LowCardinality(String),
    team_id LowCardinality(String),
    site LowCardinality(String),
    topic LowCardinality(String),
    language LowCardinality(String),
    started_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    customer_pseudonym String CODEC(ZSTD(1)),
    transaction_outcome LowCardinality(String),
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(T64, ZSTD(1)),
    source_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    scored_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    as_of_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK score_id != '' AND transaction_id != ''
)
ENGINE = ReplacingMergeTree(as_of_offset)
PARTITION BY toYYYYMM(ended_at)
ORDER BY score_id;

-- One row a criterion of a score. `score_0_100` null: not applicable in every review.
CREATE TABLE IF NOT EXISTS score_criteria
(
    score_id String CODEC(ZSTD(1)),
    criterion LowCardinality(String),
    score_0_100 Nullable(Float64) CODEC(ZSTD(1)),
    rated_by UInt8,
    ended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    as_of_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK score_id != '' AND criterion != ''
)
ENGINE = ReplacingMergeTree(as_of_offset)
PARTITION BY toYYYYMM(ended_at)
ORDER BY (score_id, criterion);

-- Origin and reason, never a payload. A record that could not be read has no event time: the month is that of its
-- append, which is as fixed as its offset.
CREATE TABLE IF NOT EXISTS rejected
(
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(T64, ZSTD(1)),
    source_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    reason LowCardinality(String),
    message String CODEC(ZSTD(1)),
    bytes UInt64 CODEC(T64, ZSTD(1)),
    appended_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    log_topic LowCardinality(String),
    log_partition UInt32 CODEC(T64, ZSTD(1)),
    log_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_reason CHECK source_topic != '' AND reason != ''
)
ENGINE = ReplacingMergeTree(log_offset)
PARTITION BY toYYYYMM(appended_at)
ORDER BY (source_topic, source_partition, source_offset);

-- Where the sink goes on: written after every table of a batch, and nothing else is ever taken for a position.
CREATE TABLE IF NOT EXISTS sink_positions
(
    topic LowCardinality(String),
    topic_id String,
    partition UInt32,
    next_offset UInt64,
    written_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(next_offset)
ORDER BY (topic, topic_id, partition);
