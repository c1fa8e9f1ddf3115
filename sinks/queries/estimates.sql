-- Quality with intervals, by group, period and measure: the view quality_estimates (sinks/migrations/0005_estimates.sql).
--
-- Parameters: group_by, period, measure String; measure_ids, channels, sites, teams, colleagues, topics, languages, strata,
--   scorecards Array(String), [] for all; from_day, to_day Date; time_zone String; half_width_limit Float64.
-- Returns one row for each group, period and measure id that has reviews or selections, with the columns of the view.
SELECT
    group_id, period_start, measure_id, mean_0_100, standard_error, df, lower_0_100, upper_0_100, reviewed, eligible,
    selected, awaiting, response_rate, cells, joins, cells_behind, provisional, too_few
FROM quality_estimates(
    group_by={group_by:String}, period={period:String}, measure={measure:String}, measure_ids={measure_ids:Array(String)},
    from_day={from_day:Date}, to_day={to_day:Date}, time_zone={time_zone:String},
    half_width_limit={half_width_limit:Float64}, channels={channels:Array(String)}, sites={sites:Array(String)},
    teams={teams:Array(String)}, colleagues={colleagues:Array(String)}, topics={topics:Array(String)},
    languages={languages:Array(String)}, strata={strata:Array(String)}, scorecards={scorecards:Array(String)}
)
ORDER BY group_id, measure_id, period_start
