-- What each stratum's draw took, against the population and the frame, for transactions that ended on local days
-- [from_day, to_day).
--
-- Parameters: from_day Date, to_day Date, time_zone String (the frame's).
-- Returns one row per frame version and stratum:
--   eligible, selected    transactions, from the population counts
--   selections            distinct transactions with a selection by a probability draw, from the table
--   reviewed              those of them that have a score
--   draw                  random, systematic, quota, or empty where nothing was drawn
--   design_probability    the mean inclusion probability of the selections; null where nothing was drawn
--
-- Right before and after merges: current_* views. Transactions that came after their day was final are counted on the
-- day they were appended, so at the edges of the range `selections` may differ from `selected` by those.
WITH
    population AS
    (
        SELECT frame_id, frame_version, stratum, sum(eligible) AS eligible, sum(selected) AS selected
        FROM current_population_counts
        WHERE day >= {from_day:Date} AND day < {to_day:Date}
        GROUP BY frame_id, frame_version, stratum
    ),
    taken AS
    (
        SELECT
            frame_id, frame_version, stratum,
            uniqExact(transaction_id) AS selections,
            uniqExactIf(transaction_id, transaction_id IN (
                SELECT transaction_id FROM current_scores WHERE total_0_100 IS NOT NULL
            )) AS reviewed,
            any(purpose) AS draw,
            avg(inclusion_probability) AS design_probability
        FROM current_selections
        WHERE purpose IN ('random', 'systematic', 'quota')
            AND ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
            AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
        GROUP BY frame_id, frame_version, stratum
    )
SELECT
    frame_id, frame_version, stratum, eligible, selected, selections, reviewed, toString(draw) AS draw,
    design_probability
FROM population
FULL OUTER JOIN taken USING (frame_id, frame_version, stratum)
ORDER BY frame_id, frame_version, stratum
