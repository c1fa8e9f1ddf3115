-- Design-weighted mean quality score by group and period, with its standard error, over transactions that ended on local
-- days [from_day, to_day).
--
-- Parameters: group_by String (all, channel, site, team, colleague, topic, language, stratum, frame);
--   period String (all, day, week, month; weeks start on Monday); from_day Date, to_day Date; time_zone String (the
--   frame's: days are local days of 23 to 25 hours); scorecard_id String (empty: all, a transaction counts once).
-- Returns one row per group and period:
--   group_id, period_start (local day)
--   reviewed        distinct transactions with a score of a probability draw
--   mean_0_100      sum(w y) / sum(w), points of 0 to 100
--   standard_error  in the same points; null when a cell of the group has a single review but more in its population:
--                   then there is too little to say how far the mean may be off
--   df              degrees of freedom: reviewed transactions of the cells that contain the group, less those cells
--   cells           draw cells that contain the group
--   single_review_cells, cells_behind    of them: with one review only; with fewer counted than reviewed (the counts are
--                   still to come: the weight is then 1)
--
-- Cell h = (frame id, version, stratum). N_h: eligible transactions of the range, from the population counts. n_h:
-- distinct reviewed transactions of the range. Weight N_h / n_h, which also adjusts for non-response within the cell.
-- Variance by linearisation with finite population correction: z_i = w_i [i in g] (y_i - y_g) / sum(w_i [i in g]);
-- V = sum_h (1 - n_h/N_h) n_h/(n_h - 1) (sum z^2 - (sum z)^2 / n_h) over ALL reviewed of h, also those outside g, whose
-- z is 0. It is what R's survey package gives for svymean and svyby. For systematic draws it is conservative.
--
-- Right before and after merges: current_* views. Scores of purposive checks alone are left out: no design speaks for
-- them.
WITH
    population AS
    (
        SELECT frame_id, frame_version, stratum, sum(eligible) AS eligible
        FROM current_population_counts
        WHERE day >= {from_day:Date} AND day < {to_day:Date}
        GROUP BY frame_id, frame_version, stratum
    ),
    observed AS
    (
        SELECT
            transaction_id,
            any((frame_id, frame_version, stratum)) AS cell,
            avg(total_0_100) AS y,
            any(multiIf(
                {group_by:String} = 'channel', toString(channel),
                {group_by:String} = 'site', toString(site),
                {group_by:String} = 'team', toString(team_id),
                {group_by:String} = 'colleague', toString(colleague_id),
                {group_by:String} = 'topic', toString(topic),
                {group_by:String} = 'language', toString(language),
                {group_by:String} = 'stratum', toString(stratum),
                {group_by:String} = 'frame', concat(frame_id, ':', toString(frame_version)),
                ''
            )) AS group_id,
            any(multiIf(
                {period:String} = 'day', toDate(ended_at, {time_zone:String}),
                {period:String} = 'week', toMonday(ended_at, {time_zone:String}),
                {period:String} = 'month', toStartOfMonth(ended_at, {time_zone:String}),
                {from_day:Date}
            )) AS period_start
        FROM current_scores
        WHERE total_0_100 IS NOT NULL
            AND hasAny(purposes, ['random', 'systematic', 'quota'])
            AND ({scorecard_id:String} = '' OR scorecard_id = {scorecard_id:String})
            AND ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
            AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
        GROUP BY transaction_id
    ),
    weighted AS
    (
        SELECT
            cell, group_id, period_start, assumeNotNull(y) AS score,
            toFloat64(count() OVER (PARTITION BY cell)) AS sampled,
            toFloat64(eligible) AS counted,
            greatest(counted, sampled) AS size,
            size / sampled AS weight
        FROM observed
        LEFT JOIN
        (
            SELECT (frame_id, frame_version, stratum) AS cell, eligible FROM population
        ) AS counts USING (cell)
    ),
    centred AS
    (
        SELECT
            *,
            sum(weight) OVER (PARTITION BY group_id, period_start) AS group_weight,
            sum(weight * score) OVER (PARTITION BY group_id, period_start) / group_weight AS group_mean,
            weight * (score - group_mean) / group_weight AS z
        FROM weighted
    ),
    by_cell AS
    (
        SELECT
            group_id, period_start, cell,
            any(group_mean) AS mean,
            any(sampled) AS n,
            any(size) AS population_size,
            any(counted < sampled) AS behind,
            count() AS reviewed_here,
            if(
                population_size > n AND n > 1,
                (1 - n / population_size) * n / (n - 1) * (sum(z * z) - sum(z) * sum(z) / n),
                0
            ) AS variance,
            n < 2 AND population_size > n AS single
        FROM centred
        GROUP BY group_id, period_start, cell
    )
SELECT
    group_id,
    period_start,
    sum(reviewed_here) AS reviewed,
    any(mean) AS mean_0_100,
    if(countIf(single) > 0, NULL, sqrt(greatest(sum(variance), 0))) AS standard_error,
    toInt64(sum(n)) - toInt64(count()) AS df,
    count() AS cells,
    countIf(single) AS single_review_cells,
    countIf(behind) AS cells_behind
FROM by_cell
GROUP BY group_id, period_start
ORDER BY group_id, period_start
