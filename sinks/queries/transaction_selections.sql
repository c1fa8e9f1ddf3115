-- Every draw that took one transaction. Parameters: id String. Returns one row a selection; drawn_at in UTC.
SELECT
    selection_id, draw_id, purpose, frame_id, frame_version, stratum, inclusion_probability, draw_number, drawn_at
FROM current_selections
WHERE transaction_id = {id:String}
ORDER BY selection_id
