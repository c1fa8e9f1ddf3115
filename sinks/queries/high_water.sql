-- How far event time and append time had come in one source partition below an offset.
--
-- Parameters: topic String, partition UInt32, below UInt64. Returns one row: transactions, ended_at, appended_at (UTC; of
-- no meaning where `transactions` is 0).
SELECT count() AS transactions, max(ended_at) AS ended_at, max(appended_at) AS appended_at
FROM transactions
WHERE source_topic = {topic:String} AND source_partition = {partition:UInt32} AND source_offset < {below:UInt64}
