-- Units and windows of quotas and caps that are closed, of windows within [starts_from, ends_to].
--
-- Parameters: starts_from, ends_to String (UTC). Returns draw_id, unit, starts (UTC), eligible: candidates that came in
-- time. Right before and after merges: current_draw_cells.
SELECT draw_id, unit, starts, eligible
FROM current_draw_cells
WHERE starts >= toDateTime64({starts_from:String}, 3, 'UTC') AND ends <= toDateTime64({ends_to:String}, 3, 'UTC')
ORDER BY draw_id, unit, starts
