-- Those of some transactions that one draw took. Parameters: draw_id String, ids Array(String).
-- Returns transaction_id. Right before and after merges: ids are distinct.
SELECT DISTINCT transaction_id
FROM current_selections
WHERE draw_id = {draw_id:String} AND has({ids:Array(String)}, transaction_id)
