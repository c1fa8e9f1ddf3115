-- What estimates are made of, by draw cell: the view score_cells (sinks/migrations/0005_estimates.sql).
--
-- Parameters: as estimates.sql, without half_width_limit.
-- Returns one row for each group, period, measure id and draw cell (several where cells were joined): cell (with its frame
--   and stratum), n, size, group_id, period_start, measure_id, k, mean, m2, as the view says.
SELECT
    concat(frame_id, ':', toString(frame_version), ':', stratum, '|', cell) AS cell,
    n, size, group_id, period_start, measure_id, k, mean, m2
FROM score_cells(
    group_by={group_by:String}, period={period:String}, measure={measure:String}, measure_ids={measure_ids:Array(String)},
    from_day={from_day:Date}, to_day={to_day:Date}, time_zone={time_zone:String},
    channels={channels:Array(String)}, sites={sites:Array(String)}, teams={teams:Array(String)},
    colleagues={colleagues:Array(String)}, topics={topics:Array(String)}, languages={languages:Array(String)},
    strata={strata:Array(String)}, scorecards={scorecards:Array(String)}
)
ORDER BY group_id, measure_id, period_start, cell, k, mean, m2
