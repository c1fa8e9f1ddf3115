-- What became of the review tasks of one transaction: the revision of each review that stands.
-- Parameters: id String. Returns one row a review; outcome_at in UTC.
SELECT review_id, revision, outcome, outcome_reason, outcome_at, reviewer_id, copy_number
FROM current_reviews
WHERE transaction_id = {id:String}
ORDER BY review_id
