-- The quality scores of one transaction. Parameters: id String.
-- Returns one row a scorecard. `total_0_100`: points; null when nothing was applicable. scored_at in UTC.
SELECT score_id, total_0_100, critical_errors, scorecard_id, scorecard_version, length(review_ids) AS reviews, scored_at
FROM current_scores
WHERE transaction_id = {id:String}
ORDER BY score_id
