-- From what to what a series went: its mean before and since an alert, for the same mix of work.
--
-- Parameters: series_id String; since String ('2026-01-01 00:00:00.000', UTC): the alert's; until String, likewise: reviews
--   of transactions that ended before it count as since; days UInt32: how far back before `since` to look.
-- Returns one row:
--   before_reviews, since_reviews    reviews in the cells that have two or more on both sides
--   left_out                         reviews since in cells that have fewer on a side: nothing to compare them with
--   before_0_100, before_error       mean in points, and its standard error
--   since_0_100, since_error
-- A cell is a stratum and scorecard version. Both means weigh the cells as the reviews since do (direct
-- standardisation), so that a change of mix is no change: mean = sum(p_c m_c), variance = sum(p_c^2 s_c^2 / n_c) with
-- p_c = n_c since / n since. Sampling within a stratum is even, so reviews weigh alike; the population is taken for
-- large. Means are null where no cell is left.
--
-- The stretch since an alert's `since` was picked because it is low, so its mean is somewhat too low and its interval
-- says nothing of that. Reviews after the alert was raised are free of it: ask once more with its raised_at as `since`.
WITH
    points AS
    (
        SELECT
            (stratum, scorecard_id, scorecard_version) AS cell,
            ended_at >= toDateTime64({since:String}, 3, 'UTC') AS late,
            score_0_100 AS y
        FROM current_series_points
        WHERE series_id = {series_id:String}
            AND ended_at >= toDateTime64({since:String}, 3, 'UTC') - toIntervalDay({days:UInt32})
            AND ended_at < toDateTime64({until:String}, 3, 'UTC')
    ),
    cells AS
    (
        SELECT
            cell,
            countIf(NOT late) AS n_before,
            countIf(late) AS n_since,
            avgIf(y, NOT late) AS mean_before,
            avgIf(y, late) AS mean_since,
            varSampIf(y, NOT late) AS var_before,
            varSampIf(y, late) AS var_since,
            n_before >= 2 AND n_since >= 2 AS both
        FROM points
        GROUP BY cell
    ),
    weighed AS
    (
        SELECT *, n_since / (SELECT sumIf(n_since, both) FROM cells) AS p FROM cells WHERE both
    )
SELECT
    toUInt64(sum(n_before)) AS before_reviews,
    toUInt64(sum(n_since)) AS since_reviews,
    toUInt64((SELECT sumIf(n_since, NOT both) FROM cells)) AS left_out,
    if(count() = 0, NULL, sum(p * mean_before)) AS before_0_100,
    if(count() = 0, NULL, sqrt(sum(p * p * var_before / n_before))) AS before_error,
    if(count() = 0, NULL, sum(p * mean_since)) AS since_0_100,
    if(count() = 0, NULL, sqrt(sum(p * p * var_since / n_since))) AS since_error
FROM weighed
