-- Alerts as people see them, the latest first.
--
-- Parameters: status String (open, acknowledged, resolved, closed; empty: all); series_id String (empty: all).
-- Returns one row per alert: the columns of current_alerts without the places in the log. Scores in points, 0 to 100;
-- acted_by, acted_at and action_reason tell of the last thing that a person did, and are empty or null where nobody did.
SELECT
    alert_id,
    toString(series_id) AS series_id,
    toString(state) AS state,
    toString(status) AS status,
    toString(closed_because) AS closed_because,
    since,
    raised_at,
    changed_at,
    times_raised,
    evidence,
    threshold,
    reviews,
    reference_0_100,
    mean_0_100,
    one_false_alarm_in_periods,
    toString(period) AS period,
    toString(acted_by) AS acted_by,
    if(acted_by = '', NULL, acted_at) AS acted_at,
    action_reason
FROM current_alerts
WHERE ({status:String} = '' OR status = {status:String})
    AND ({series_id:String} = '' OR series_id = {series_id:String})
ORDER BY raised_at DESC, alert_id
