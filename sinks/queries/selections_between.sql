-- What probability draws took of the transactions that ended in [ended_from, ended_to).
--
-- Parameters: ended_from, ended_to String (UTC). Returns one row a selection: draw_id, transaction_id, purpose,
-- inclusion_probability, draw_number. Right before and after merges: current_selections.
SELECT draw_id, transaction_id, toString(purpose) AS purpose, inclusion_probability, draw_number
FROM current_selections
WHERE purpose IN ('random', 'systematic', 'quota')
    AND ended_at >= toDateTime64({ended_from:String}, 3, 'UTC') AND ended_at < toDateTime64({ended_to:String}, 3, 'UTC')
ORDER BY draw_id, transaction_id
