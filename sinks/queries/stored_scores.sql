-- Scores of probability draws as they stand now, in the order in which they came about, a page at a time: what detection
-- is tried out on.
--
-- Parameters: from_day Date, to_day Date: the transaction ended on a local day of [from_day, to_day) of time_zone String;
--   after_at String ('2026-01-01 00:00:00.000', UTC) and after_id String: where the last page ended; page UInt32.
-- Returns one row per score:
--   score_id, scored_at, the fields of the transaction, stratum, scorecard_id, scorecard_version
--   total_0_100     null when nothing was applicable
--   criteria, criteria_0_100    the criteria that were applicable, and the score of each
--   critical_errors classes in which an error was found
-- Scores without a review (all withdrawn) and those of purposive checks alone are left out.
WITH
    scores_of_page AS
    (
        SELECT *
        FROM current_scores
        WHERE toDate(ended_at, {time_zone:String}) >= {from_day:Date}
            AND toDate(ended_at, {time_zone:String}) < {to_day:Date}
            AND hasAny(purposes, ['random', 'systematic', 'quota'])
            AND notEmpty(review_ids)
            AND (scored_at, score_id) > (toDateTime64({after_at:String}, 3, 'UTC'), {after_id:String})
        ORDER BY scored_at, score_id
        LIMIT {page:UInt32}
    ),
    criteria_of_page AS
    (
        SELECT
            score_id,
            as_of_offset,
            groupArray(toString(criterion)) AS criteria,
            groupArray(assumeNotNull(score_0_100)) AS criteria_0_100
        FROM
        (
            SELECT score_id, as_of_offset, criterion, score_0_100
            FROM score_criteria FINAL
            WHERE score_0_100 IS NOT NULL AND score_id IN (SELECT score_id FROM scores_of_page)
            ORDER BY score_id, criterion
        )
        GROUP BY score_id, as_of_offset
    )
SELECT
    s.score_id AS score_id,
    s.scored_at AS scored_at,
    s.transaction_id AS transaction_id,
    toString(s.channel) AS channel,
    toString(s.colleague_id) AS colleague_id,
    toString(s.team_id) AS team_id,
    toString(s.site) AS site,
    toString(s.topic) AS topic,
    toString(s.language) AS language,
    s.ended_at AS ended_at,
    toString(s.stratum) AS stratum,
    toString(s.scorecard_id) AS scorecard_id,
    s.scorecard_version AS scorecard_version,
    s.total_0_100 AS total_0_100,
    c.criteria AS criteria,
    c.criteria_0_100 AS criteria_0_100,
    arrayMap(one -> toString(one), s.critical_errors) AS critical_errors
FROM scores_of_page AS s
LEFT JOIN criteria_of_page AS c ON c.score_id = s.score_id AND c.as_of_offset = s.as_of_offset
ORDER BY scored_at, score_id
