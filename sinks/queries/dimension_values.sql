-- The values that reviewed transactions have in each dimension, for lists to choose from.
--
-- Parameters: from_day Date, to_day Date, time_zone String: transactions that ended on local days [from_day, to_day).
-- Returns one row: channels, sites, teams, colleagues, topics, languages, scorecards, each Array(String) in order.
SELECT
    arraySort(groupUniqArray(toString(channel))) AS channels,
    arraySort(groupUniqArray(toString(site))) AS sites,
    arraySort(groupUniqArray(toString(team_id))) AS teams,
    arraySort(groupUniqArray(toString(colleague_id))) AS colleagues,
    arraySort(groupUniqArray(toString(topic))) AS topics,
    arraySort(groupUniqArray(toString(language))) AS languages,
    arraySort(groupUniqArray(toString(scorecard_id))) AS scorecards
FROM current_scores
WHERE ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
    AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
