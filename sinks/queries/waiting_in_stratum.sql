-- Transactions of one stratum whose draw has windows, that ended in [ended_from, ended_to): the candidates of its units.
--
-- Parameters: frame_id, stratum String, frame_version UInt32, ended_from, ended_to String (UTC).
-- Returns id, colleague_id, team_id, draw_number, appended_at, in the order of the draw.
--
-- Right before and after merges: current_transactions.
SELECT id, colleague_id, team_id, draw_number, appended_at
FROM current_transactions
WHERE decision = 'pending' AND frame_id = {frame_id:String} AND frame_version = {frame_version:UInt32}
    AND stratum = {stratum:String}
    AND ended_at >= toDateTime64({ended_from:String}, 3, 'UTC') AND ended_at < toDateTime64({ended_to:String}, 3, 'UTC')
ORDER BY draw_number, id
