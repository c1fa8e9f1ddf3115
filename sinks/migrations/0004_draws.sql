-- What the draw stage decided. A cell that is closed never changes, so of one cell any row is as good as another.

CREATE TABLE IF NOT EXISTS draw_cells
(
    draw_id LowCardinality(String),
    purpose LowCardinality(String),
    frame_id LowCardinality(String),
    frame_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    unit String CODEC(ZSTD(1)),
    starts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ends DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    closed_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    eligible UInt64 CODEC(T64, ZSTD(1)),
    taken UInt64 CODEC(T64, ZSTD(1)),
    selected UInt64 CODEC(T64, ZSTD(1)),
    inclusion_probability Nullable(Float64) CODEC(ZSTD(1)),
    as_of_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK draw_id != '' AND unit != '' AND starts < ends
)
ENGINE = ReplacingMergeTree(as_of_offset)
PARTITION BY toYYYYMM(starts)
ORDER BY (draw_id, unit, starts);

-- Absolute running totals, one row for each partition of `candidates`, channel, frame and stratum.
CREATE TABLE IF NOT EXISTS draw_counts
(
    partition UInt32 CODEC(T64, ZSTD(1)),
    channel LowCardinality(String),
    frame_id LowCardinality(String),
    frame_version UInt32 CODEC(T64, ZSTD(1)),
    stratum LowCardinality(String),
    candidates UInt64 CODEC(T64, ZSTD(1)),
    late UInt64 CODEC(T64, ZSTD(1)),
    eligible UInt64 CODEC(T64, ZSTD(1)),
    selected UInt64 CODEC(T64, ZSTD(1)),
    as_of_offset UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT has_id CHECK frame_id != '' AND stratum != '',
    CONSTRAINT adds_up CHECK candidates >= late + eligible AND eligible >= selected
)
ENGINE = ReplacingMergeTree(as_of_offset)
ORDER BY (frame_id, frame_version, stratum, channel, partition);

CREATE VIEW IF NOT EXISTS current_draw_cells AS SELECT * FROM draw_cells FINAL;

CREATE VIEW IF NOT EXISTS current_draw_counts AS SELECT * FROM draw_counts FINAL;
