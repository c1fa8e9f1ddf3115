-- Scores of transactions that a probability draw took, for planning: how far scores differ within a stratum.
--
-- Parameters: ended_from, ended_to String (UTC). Returns one row a transaction: transaction_id, score_0_100 (mean over its
-- scorecards, points), inclusion_probability (of the design; null where none is known).
--
-- Right before and after merges: current_scores.
SELECT
    transaction_id, avg(total_0_100) AS score_0_100, any(inclusion_probability) AS inclusion_probability
FROM current_scores
WHERE total_0_100 IS NOT NULL AND hasAny(purposes, ['random', 'systematic', 'quota'])
    AND ended_at >= toDateTime64({ended_from:String}, 3, 'UTC') AND ended_at < toDateTime64({ended_to:String}, 3, 'UTC')
GROUP BY transaction_id
ORDER BY transaction_id
