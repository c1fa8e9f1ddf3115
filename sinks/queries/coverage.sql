-- What became of everything that was read, told by four witnesses that must agree.
--
-- Parameters: none.
-- Returns one row per (witness, topic, measure, reason); `records`: number of records or of distinct transactions.
--   counts      the absolute counts that came with each chunk (read_counts)
--   rows        rows by id of the tables transactions and rejected; under_none: of the eligible, those in strata from
--               which nothing is drawn
--   population  population_counts over all days, frames and strata
--   draws       candidates by what became of them in the draw stage (draw_counts); topic: that of their channel
--   selections  transactions that a probability draw took, by what became of their reviews
--   reviews     transactions reviewed under a probability draw that have no selection
--
-- Right before and after merges: every FROM is a current_* view, one row an id. Free of lag between tables: rows,
-- selections and rejected are counted up to the offset that the read counts of their partition speak of, so a table that
-- is ahead makes no difference; one that is behind does, which is true: what it lacks is not stored yet.
--
-- A transaction with several reviews (blind overlap) counts once: reviewed when one of them was submitted, else awaiting
-- while one is still to come, else by its outcomes in the order skipped, expired, shed, withdrawn.
WITH
    stand AS (SELECT * FROM current_read_counts),
    drawn AS
    (
        SELECT transaction_id, any(source_topic) AS drawn_topic
        FROM current_selections
        INNER JOIN stand ON source_topic = stand.topic AND source_partition = stand.partition
        WHERE purpose IN ('random', 'systematic', 'quota') AND source_offset <= stand.as_of_offset
        GROUP BY transaction_id
    ),
    outcomes AS
    (
        SELECT
            transaction_id,
            any(source_topic) AS review_topic,
            count() AS reviews,
            max(copies) AS wanted,
            countIf(outcome = 'submitted') AS submitted,
            countIf(outcome = 'skipped') AS skipped,
            countIf(outcome = 'expired') AS expired,
            countIf(outcome = 'shed') AS shed
        FROM current_reviews
        WHERE hasAny(purposes, ['random', 'systematic', 'quota'])
        GROUP BY transaction_id
    )
SELECT witness, topic, measure, reason, sum(records) AS records
FROM
(
    SELECT 'counts' AS witness, topic, pair.1 AS measure, '' AS reason, pair.2 AS records
    FROM stand
    ARRAY JOIN [
        ('read', read), ('repeats', repeats), ('eligible', eligible), ('selected', selected),
        ('not_selected', not_selected), ('pending', pending)
    ] AS pair
    UNION ALL
    SELECT 'counts', topic, 'rejected', pair.1, pair.2
    FROM stand
    ARRAY JOIN arrayZip(mapKeys(rejected), mapValues(rejected)) AS pair
    UNION ALL
    SELECT 'counts', topic, 'excluded', pair.1, pair.2
    FROM stand
    ARRAY JOIN arrayZip(mapKeys(excluded), mapValues(excluded)) AS pair
    UNION ALL
    -- One pass over the transactions: nearly all that this query costs.
    SELECT 'rows', source_topic, pair.1, pair.2, pair.3
    FROM
    (
        SELECT source_topic, decision, reason, count() AS of_reason, countIf(draw_method = 'none') AS under_none
        FROM current_transactions
        INNER JOIN stand ON source_topic = stand.topic AND source_partition = stand.partition
        WHERE source_offset <= stand.as_of_offset
        GROUP BY source_topic, decision, reason
    )
    ARRAY JOIN [(toString(decision), toString(reason), of_reason), ('under_none', '', under_none)] AS pair
    WHERE pair.3 > 0
    UNION ALL
    SELECT 'rows', source_topic, 'rejected', reason, count()
    FROM current_rejected
    INNER JOIN stand ON source_topic = stand.topic AND source_partition = stand.partition
    WHERE source_offset <= stand.as_of_offset
    GROUP BY source_topic, reason
    UNION ALL
    SELECT 'population', topic, pair.1, '', pair.2
    FROM current_population_counts
    ARRAY JOIN [('eligible', eligible), ('selected', selected)] AS pair
    UNION ALL
    SELECT 'draws', transform(channel, ['phone', 'chat', 'face_to_face'],
        ['transactions.phone', 'transactions.chat', 'transactions.face-to-face'], ''), pair.1, '', pair.2
    FROM current_draw_counts
    ARRAY JOIN [
        ('candidates', candidates), ('late', late), ('eligible', eligible), ('selected', selected)
    ] AS pair
    UNION ALL
    SELECT
        'selections',
        drawn_topic,
        multiIf(
            submitted > 0, 'reviewed', reviews < greatest(wanted, 1), 'awaiting', skipped > 0, 'skipped',
            expired > 0, 'expired', shed > 0, 'shed', 'withdrawn'
        ),
        '',
        1
    FROM drawn
    LEFT JOIN outcomes ON drawn.transaction_id = outcomes.transaction_id
    UNION ALL
    SELECT 'reviews', review_topic, 'not_selected', '', 1
    FROM outcomes
    LEFT ANTI JOIN current_selections ON outcomes.transaction_id = current_selections.transaction_id
)
GROUP BY witness, topic, measure, reason
ORDER BY witness, topic, measure, reason
