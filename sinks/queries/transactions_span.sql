-- Where in each source partition the transactions of a period lie: from the first record that was appended since
-- `appended_from`, to the last that ended in [ended_from, ended_to).
--
-- Parameters: appended_from, ended_from, ended_to String (UTC, 2026-01-01 00:00:00.000); ended_least String: nothing that
--   was appended since `appended_from` ended before this, so that whole months can be left out.
-- Returns source_topic, source_partition, first_offset, next_offset (one beyond the last), transactions (in the period).
--   Partitions without any in the period are left out.
--
-- Right before and after merges: the smallest and the largest offset are the same, and `transactions` counts ids.
SELECT
    source_topic, source_partition, min(source_offset) AS first_offset,
    maxIf(
        source_offset,
        ended_at >= toDateTime64({ended_from:String}, 3, 'UTC') AND ended_at < toDateTime64({ended_to:String}, 3, 'UTC')
    ) + 1 AS next_offset,
    uniqExactIf(
        id,
        ended_at >= toDateTime64({ended_from:String}, 3, 'UTC') AND ended_at < toDateTime64({ended_to:String}, 3, 'UTC')
    ) AS transactions
FROM transactions
WHERE appended_at >= toDateTime64({appended_from:String}, 3, 'UTC')
    AND ended_at >= toDateTime64({ended_least:String}, 3, 'UTC')
GROUP BY source_topic, source_partition
HAVING transactions > 0
ORDER BY source_topic, source_partition
