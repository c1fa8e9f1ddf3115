-- The first offset of one source partition that was appended at or after an instant.
--
-- Parameters: topic String, partition UInt32, appended_from String (UTC). Returns one row: transactions, first_offset (of
-- no meaning where `transactions` is 0).
SELECT count() AS transactions, min(source_offset) AS first_offset
FROM transactions
WHERE source_topic = {topic:String} AND source_partition = {partition:UInt32}
    AND appended_at >= toDateTime64({appended_from:String}, 3, 'UTC')
