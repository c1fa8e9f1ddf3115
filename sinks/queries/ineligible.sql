-- Transactions that may not be reviewed, and why, beside all valid ones: for those that ended on local days
-- [from_day, to_day).
--
-- Parameters: from_day Date, to_day Date, time_zone String (the frame's); group_by String (all, channel, site, team,
--   colleague, topic, language).
-- Returns one row per group and reason:
--   group_id                 empty when the group is 'all'
--   reason                   empty for the eligible
--   transactions             distinct, by id
--   first_ended_at, last_ended_at    the earliest and the latest end among them, UTC
--
-- Right before and after merges: current_transactions.
SELECT
    toString(multiIf(
        {group_by:String} = 'channel', toString(channel),
        {group_by:String} = 'site', toString(site),
        {group_by:String} = 'team', toString(team_id),
        {group_by:String} = 'colleague', toString(colleague_id),
        {group_by:String} = 'topic', toString(topic),
        {group_by:String} = 'language', toString(language),
        ''
    )) AS group_id,
    toString(reason) AS reason,
    count() AS transactions,
    min(ended_at) AS first_ended_at,
    max(ended_at) AS last_ended_at
FROM current_transactions
WHERE ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
    AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
GROUP BY group_id, reason
ORDER BY group_id, transactions DESC, reason
