-- The current_* views once more, so that a condition on the event time reads only the months that it asks for.
--
-- FINAL merges across partitions unless it is told not to, and then every month must be read whatever is asked: of a year's
-- reviews all thirteen months for those of the last thirty days, instead of two. Rows of one id never lie in two months
-- (0001_tables.sql), so nothing has to be merged across them; of months that are merged already FINAL does nothing then.
-- The setting stands in the views, not with the clients: Grafana and curl ask them too.
--
-- Not so current_transactions: a source may send a transaction again with another end, beyond the stretch in which
-- repeats are remembered; then the first stands, in whatever month it lies.

CREATE OR REPLACE VIEW current_population_counts AS
SELECT * FROM population_counts FINAL SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW current_selections AS
SELECT * FROM selections FINAL SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW current_review_tasks AS
SELECT * FROM review_tasks FINAL SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW current_rejected AS
SELECT * FROM rejected FINAL SETTINGS do_not_merge_across_partitions_select_final = 1;

-- By ended_at too, which is the same for all revisions of a review: a condition on it then passes below the LIMIT BY.
CREATE OR REPLACE VIEW current_reviews AS
SELECT *
FROM reviews FINAL
WHERE (log_partition, log_offset) NOT IN (
    SELECT source_partition, source_offset FROM rejected WHERE source_topic = 'reviews'
)
ORDER BY revision DESC
LIMIT 1 BY review_id, ended_at
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW current_review_ratings AS
SELECT *
FROM review_ratings FINAL
WHERE (review_id, revision, log_offset) IN (SELECT review_id, revision, log_offset FROM current_reviews)
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW current_scores AS
SELECT * FROM scores FINAL SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW current_score_criteria AS
SELECT *
FROM score_criteria FINAL
WHERE (score_id, as_of_offset) IN (SELECT score_id, as_of_offset FROM current_scores)
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW current_series_points AS
SELECT * FROM series_points FINAL SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE OR REPLACE VIEW current_draw_cells AS
SELECT * FROM draw_cells FINAL SETTINGS do_not_merge_across_partitions_select_final = 1;
