-- Transactions of one source partition in the order of its log, offsets [from_offset, to_offset), with what was decided.
--
-- Parameters: topic String, partition UInt32, from_offset UInt64, to_offset UInt64; ended_least String (UTC): none
--   of them ended before, so that whole months can be left out. Long stretches are read slice by slice.
-- Returns the columns of transactions as schemas.decided names them, in the order of its fields; times in UTC.
--
-- Right before and after merges: current_transactions.
SELECT
    id, channel, colleague_id, team_id, site, topic, language, started_at, ended_at, customer_pseudonym, pseudonym_key,
    outcome, flags, csat_0_100, auto_score_0_100, chat_lines, has_recording, has_transcript, place, attributes,
    source_topic, source_partition, source_offset, appended_at, frame_id, frame_version, stratum, decision, reason,
    draw_method, draw_number, inclusion_probability
FROM current_transactions
WHERE source_topic = {topic:String} AND source_partition = {partition:UInt32}
    AND source_offset >= {from_offset:UInt64} AND source_offset < {to_offset:UInt64}
    AND ended_at >= toDateTime64({ended_least:String}, 3, 'UTC')
ORDER BY source_offset
