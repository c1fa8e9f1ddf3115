-- Where the records stand of transactions that may not be reviewed because of the notice they name: of those that ended
-- on local days [from_day, to_day), the latest. The tables do not hold which notice that is; the record does.
--
-- Parameters: from_day Date, to_day Date, time_zone String (the frame's); reasons Array(String); most UInt32.
-- Returns one row per transaction, latest first: id, channel, reason, ended_at (UTC), source_topic, source_partition,
--   source_offset; of_all: how many there are.
--
-- Right before and after merges: current_transactions.
SELECT
    id,
    toString(channel) AS channel,
    toString(reason) AS reason,
    ended_at,
    source_topic,
    source_partition,
    source_offset,
    count() OVER () AS of_all
FROM current_transactions
WHERE ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
    AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
    AND has({reasons:Array(String)}, toString(reason))
ORDER BY ended_at DESC, id
LIMIT {most:UInt32}
