-- What detection weighed of one series: its points and the references that people agreed, in the order of its log.
--
-- Parameters: series_id String.
-- Returns one row per record:
--   agreed                       whether a person agreed a reference, rather than a review came
--   score_0_100, ended_at, reviewed_at, scorecard_id, scorecard_version, stratum, review_id, transaction_id,
--   detectors_id, detectors_version      of the review; reviewed_at of an agreement: agreed_at
--   agreement_id, agreed_by, reason, cells, references_0_100     of the agreement
-- A series' records share a partition, so the offset is their order. Right before and after merges: FINAL.
SELECT *
FROM
(
    SELECT
        log_offset, false AS agreed, score_0_100, ended_at, reviewed_at, toString(scorecard_id) AS scorecard_id,
        scorecard_version, toString(stratum) AS stratum, review_id, transaction_id,
        toString(detectors_id) AS detectors_id, detectors_version,
        '' AS agreement_id, '' AS agreed_by, '' AS reason,
        emptyArrayString() AS cells, emptyArrayFloat64() AS references_0_100
    FROM current_series_points
    WHERE series_id = {series_id:String}
    UNION ALL
    SELECT
        log_offset, true, 0, agreed_at, agreed_at, '', 0, '', '', '', '', 0,
        agreement_id, toString(agreed_by), reason, cells, references_0_100
    FROM agreed_references FINAL
    WHERE series_id = {series_id:String}
)
ORDER BY log_offset
