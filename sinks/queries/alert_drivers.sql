-- Which criteria moved: each criterion of a series' reviews, before and since an alert, for the same mix of work.
--
-- Parameters: as in alert_change.sql.
-- Returns one row per scorecard and criterion, the largest fall first:
--   scorecard_id, criterion
--   before_reviews, since_reviews    that rated it, in strata and versions that have two or more on both sides
--   before_0_100, since_0_100        means in points, standardised as in alert_change.sql
--   change_0_100, change_error       since less before, and its standard error
WITH
    reviewed AS
    (
        SELECT
            concat(transaction_id, '|', scorecard_id) AS score_id,
            any(scorecard_id) AS card,
            any((stratum, scorecard_version)) AS cell,
            any(ended_at >= toDateTime64({since:String}, 3, 'UTC')) AS late
        FROM current_series_points
        WHERE series_id = {series_id:String}
            AND ended_at >= toDateTime64({since:String}, 3, 'UTC') - toIntervalDay({days:UInt32})
            AND ended_at < toDateTime64({until:String}, 3, 'UTC')
        GROUP BY score_id
    ),
    cells AS
    (
        SELECT
            card,
            criterion,
            cell,
            countIf(NOT late) AS n_before,
            countIf(late) AS n_since,
            avgIf(y, NOT late) AS mean_before,
            avgIf(y, late) AS mean_since,
            varSampIf(y, NOT late) AS var_before,
            varSampIf(y, late) AS var_since
        FROM
        (
            SELECT card, cell, late, toString(criterion) AS criterion, assumeNotNull(score_0_100) AS y
            FROM
            (
                SELECT score_id, criterion, score_0_100
                FROM current_score_criteria
                WHERE score_0_100 IS NOT NULL AND score_id IN (SELECT score_id FROM reviewed)
            ) AS rated
            INNER JOIN reviewed ON reviewed.score_id = rated.score_id
        )
        GROUP BY card, criterion, cell
        HAVING n_before >= 2 AND n_since >= 2
    ),
    weighed AS
    (
        SELECT *, n_since / sum(n_since) OVER (PARTITION BY card, criterion) AS p FROM cells
    )
SELECT
    toString(card) AS scorecard_id,
    criterion,
    toUInt64(sum(n_before)) AS before_reviews,
    toUInt64(sum(n_since)) AS since_reviews,
    sum(p * mean_before) AS before_0_100,
    sum(p * mean_since) AS since_0_100,
    since_0_100 - before_0_100 AS change_0_100,
    sqrt(sum(p * p * (var_before / n_before + var_since / n_since))) AS change_error
FROM weighed
GROUP BY card, criterion
ORDER BY change_0_100, scorecard_id, criterion
