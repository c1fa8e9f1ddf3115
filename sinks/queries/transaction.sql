-- One transaction by its id, with what was decided.
--
-- Parameters: id String. Returns no row or one: the columns of transactions as schemas.decided names them, in the order
-- of its fields; times in UTC.
--
-- Right before and after merges: current_transactions.
SELECT
    id, channel, colleague_id, team_id, site, topic, language, started_at, ended_at, customer_pseudonym, pseudonym_key,
    outcome, flags, csat_0_100, auto_score_0_100, chat_lines, has_recording, has_transcript, place, attributes,
    source_topic, source_partition, source_offset, appended_at, frame_id, frame_version, stratum, decision, reason,
    draw_method, draw_number, inclusion_probability
FROM current_transactions
WHERE id = {id:String}
