-- Rejected records, the newest first: origin and reason, never content.
--
-- Parameters: source_topic String (empty: all), reason String (empty: all), most UInt32 (rows).
-- Returns source_topic, source_partition, source_offset, reason, message (a sentence), bytes, appended_at (UTC, when the
-- source's record came), log_topic, log_partition, log_offset (where the raw bytes stand, for a replay).
--
-- Right before and after merges: LIMIT 1 BY origin, for FINAL would read the whole table for a page of it.
SELECT
    source_topic, source_partition, source_offset, reason, message, bytes, appended_at, log_topic, log_partition,
    log_offset
FROM rejected
WHERE ({source_topic:String} = '' OR source_topic = {source_topic:String})
    AND ({reason:String} = '' OR reason = {reason:String})
ORDER BY appended_at DESC, source_topic, source_partition, source_offset DESC, log_offset
LIMIT 1 BY source_topic, source_partition, source_offset
LIMIT {most:UInt32}
