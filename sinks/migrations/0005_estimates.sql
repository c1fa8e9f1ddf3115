-- Estimates: parametrised views, the one place in which quality is estimated. Grafana, the desk and the command line ask
-- them; `sinks/queries/estimates.py` has a typed function for each. docs/trends.md explains them in words.
--
-- Parameters that they share:
--   from_day, to_day Date       transactions that ended on local days [from_day, to_day) of time_zone String
--   period String               all, day, week (from Monday), month, quarter
--   group_by String             all, channel, site, team, colleague, topic, language, stratum, frame
--   measure String              total: the score; criterion: the score of each criterion; error_class: per cent of
--                               transactions without a critical error of each class (customer, business, compliance,
--                               any); distribution: per cent of transactions with a score of 0-9, 10-19 ... 90-100
--   measure_ids Array(String)   criteria, classes or lower ends (as '090') to keep; [] for all
--   channels, sites, teams, colleagues, topics, languages, strata Array(String)    the group is cut down to these; []
--                               for all. A filter makes the domain smaller, never the sample: weights stay as they are
--   scorecards Array(String)    ids; a transaction with scores on several counts once, by their mean
--
-- The draw cell h, and why estimates of one week do not depend on which weeks are asked for with it:
-- - of quotas and capped draws: (frame version, stratum, unit, sub-window), N_h as the draw counted it (draw_cells). Cells
--   that the range cuts count in full; days outside it are outside the domain.
-- - of all others: (frame version, stratum, period), N_h from the population counts by day. Given n_h, a draw at a fixed
--   rate is simple random sampling of any part of which the size is known.
-- n_h: distinct transactions of h that have a score. Weight N_h / n_h, which also adjusts for non-response.
--
-- Joined cells: one with n_h < 2 and N_h > n_h is joined with the next sub-window or period of its unit until n >= 2;
-- what is left at the end with such ends of other units of its stratum, in the order of the units. A single review that
-- is left alone in a stratum of several units goes to the first cell of that stratum; in a stratum without units it stays
-- alone, and its error is unknown. What nobody reviewed and nothing was left to join with is not spoken for.
--
-- Right before and after merges, with late and corrected reviews: all tables are read with FINAL. Rows of one id are of one
-- month, for the month is that of the transaction; so months are told not to look at each other, which makes FINAL ten
-- times cheaper (0.42 s and 0.04 s of CPU on 550,000 scores in 37 parts).

-- Closed windows of quotas and caps that may bear on a range: from the Monday before the month of `from_day`, so that no
-- window of a day, week or month that touches the range is cut and joins do not change as `from_day` moves through its
-- month, to 38 days after the range, so that the last ones have a next one to be joined with.
CREATE OR REPLACE VIEW windows_of_draws AS
SELECT
    frame_id, frame_version, stratum, unit, starts, ends, eligible,
    splitByChar('/', unit)[1] AS unit_kind
FROM draw_cells FINAL
WHERE purpose IN ('random', 'systematic', 'quota')
    AND starts >= toDateTime64(toMonday(toStartOfMonth({from_day:Date})), 3, {time_zone:String})
    AND ends <= toDateTime64({to_day:Date} + 38, 3, {time_zone:String})
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- One row for each reviewed transaction of probability draws that ended in the range, or in a window that bears on it.
-- `measured`: what it has of the measure, as (measure_id, 0 to 100). Scores of purposive checks alone speak for nothing
-- but themselves; scores in which nothing was applicable have no total and are not counted as reviewed.
CREATE OR REPLACE VIEW reviewed_transactions AS
SELECT
    transaction_id,
    any(scored.frame_id) AS frame_id,
    any(scored.frame_version) AS frame_version,
    any(scored.stratum) AS stratum,
    any(scored.inclusion_probability) AS inclusion_probability,
    any(scored.channel) AS channel,
    any(scored.site) AS site,
    any(scored.team_id) AS team_id,
    any(scored.colleague_id) AS colleague_id,
    any(scored.topic) AS topic,
    any(scored.language) AS language,
    any(scored.ended_at) AS ended_at,
    assumeNotNull(avg(scored.total_0_100)) AS total,
    groupUniqArrayArray(scored.critical_errors) AS errors,
    avgMap(mapFromArrays(rated.criteria, rated.criteria_0_100)) AS criteria_means, -- not sumMap: it drops keys at zero
    CAST(
        multiIf(
            {measure:String} = 'total', [('', total)],
            {measure:String} = 'distribution',
            arrayMap(
                tenth -> (leftPad(toString(tenth * 10), 3, '0'), if(least(intDiv(toUInt32(total), 10), 9) = tenth, 100., 0.)),
                range(10)
            ),
            {measure:String} = 'error_class',
            arrayPushBack(
                arrayMap(one -> (one, if(has(errors, one), 0., 100.)), ['customer', 'business', 'compliance']),
                ('any', if(empty(errors), 100., 0.))
            ),
            arrayMap((name, points) -> (name, points), mapKeys(criteria_means), mapValues(criteria_means))
        ),
        'Array(Tuple(String, Float64))'
    ) AS measured
FROM
(
    SELECT *
    FROM scores FINAL
    WHERE total_0_100 IS NOT NULL
        AND hasAny(purposes, ['random', 'systematic', 'quota'])
        AND (empty({scorecards:Array(String)}) OR has({scorecards:Array(String)}, scorecard_id))
        AND ended_at >= toDateTime64(toMonday(toStartOfMonth({from_day:Date})), 3, {time_zone:String})
        AND ended_at < toDateTime64({to_day:Date} + 38, 3, {time_zone:String})
        AND (
            (
                ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
                AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
            )
            OR (frame_id, frame_version, stratum) IN
            (
                SELECT frame_id, frame_version, stratum
                FROM windows_of_draws(
                    from_day={from_day:Date}, to_day={to_day:Date}, time_zone={time_zone:String}
                )
            )
        )
    SETTINGS do_not_merge_across_partitions_select_final = 1
) AS scored
LEFT JOIN
(
    SELECT
        score_id,
        as_of_offset,
        groupArray(toString(criterion)) AS criteria,
        groupArray(assumeNotNull(score_0_100)) AS criteria_0_100
    FROM score_criteria FINAL
    WHERE {measure:String} = 'criterion'
        AND score_0_100 IS NOT NULL
        AND ended_at >= toDateTime64(toMonday(toStartOfMonth({from_day:Date})), 3, {time_zone:String})
        AND ended_at < toDateTime64({to_day:Date} + 38, 3, {time_zone:String})
    GROUP BY score_id, as_of_offset
    SETTINGS do_not_merge_across_partitions_select_final = 1
) AS rated ON rated.score_id = scored.score_id AND rated.as_of_offset = scored.as_of_offset
GROUP BY transaction_id;

-- What every estimate is made of: one row for each group, period, measure id and draw cell that has some of it.
--   frame_id, frame_version, stratum, cell       the draw cell, joined where it had to be
--   n, size, weight                              reviewed in the cell, in and out of the group; eligible; size / n
--   joined                                       raw cells that were joined to make it; 1: none was
--   behind                                       fewer are counted than reviewed (counts still to come): then the cell is
--                                                as large as its inclusion probabilities say
--   group_id, period_start, measure_id
--   k, mean, m2                                  reviewed in the group; their plain mean, 0 to 100; sum of (y - mean)^2.
--                                                Within a cell that was joined a group may have several rows
CREATE OR REPLACE VIEW score_cells AS
WITH
    placed AS
    (
        SELECT
            r.frame_id AS frame_id,
            r.frame_version AS frame_version,
            r.stratum AS stratum,
            r.inclusion_probability AS probability,
            r.measured AS measured,
            r.unit_kind != '' AS in_window,
            multiIf(
                {period:String} = 'day', toDate(r.ended_at, {time_zone:String}),
                {period:String} = 'week', toMonday(r.ended_at, {time_zone:String}),
                {period:String} = 'month', toStartOfMonth(r.ended_at, {time_zone:String}),
                {period:String} = 'quarter', toStartOfQuarter(r.ended_at, {time_zone:String}),
                {from_day:Date}
            ) AS period_start,
            if(in_window, r.unit, 'all') AS unit,
            if(
                in_window AND r.ended_at < ifNull(w.ends, toDateTime64(0, 3, 'UTC')),
                assumeNotNull(w.starts),
                toDateTime64(period_start, 3, {time_zone:String})
            ) AS starts,
            r.ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
                AND r.ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String}) AS in_range,
            in_range
                AND (empty({channels:Array(String)}) OR has({channels:Array(String)}, r.channel))
                AND (empty({sites:Array(String)}) OR has({sites:Array(String)}, r.site))
                AND (empty({teams:Array(String)}) OR has({teams:Array(String)}, r.team_id))
                AND (empty({colleagues:Array(String)}) OR has({colleagues:Array(String)}, r.colleague_id))
                AND (empty({topics:Array(String)}) OR has({topics:Array(String)}, r.topic))
                AND (empty({languages:Array(String)}) OR has({languages:Array(String)}, r.language))
                AND (empty({strata:Array(String)}) OR has({strata:Array(String)}, r.stratum)) AS in_domain,
            multiIf(
                {group_by:String} = 'channel', toString(r.channel),
                {group_by:String} = 'site', toString(r.site),
                {group_by:String} = 'team', toString(r.team_id),
                {group_by:String} = 'colleague', toString(r.colleague_id),
                {group_by:String} = 'topic', toString(r.topic),
                {group_by:String} = 'language', toString(r.language),
                {group_by:String} = 'stratum', toString(r.stratum),
                {group_by:String} = 'frame', concat(r.frame_id, ':', toString(r.frame_version)),
                ''
            ) AS group_id
        FROM
        (
            SELECT
                t.*,
                ifNull(kinds.unit_kind, '') AS unit_kind,
                multiIf(
                    unit_kind = 'colleague', concat('colleague/', colleague_id),
                    unit_kind = 'team', concat('team/', team_id),
                    'all'
                ) AS unit
            FROM reviewed_transactions(
                measure={measure:String}, scorecards={scorecards:Array(String)}, from_day={from_day:Date},
                to_day={to_day:Date}, time_zone={time_zone:String}
            ) AS t
            LEFT JOIN
            (
                SELECT frame_id, frame_version, stratum, any(unit_kind) AS unit_kind
                FROM windows_of_draws(
                    from_day={from_day:Date}, to_day={to_day:Date}, time_zone={time_zone:String}
                )
                GROUP BY frame_id, frame_version, stratum
            ) AS kinds
            ON kinds.frame_id = t.frame_id AND kinds.frame_version = t.frame_version AND kinds.stratum = t.stratum
        ) AS r
        ASOF LEFT JOIN windows_of_draws(
            from_day={from_day:Date}, to_day={to_day:Date}, time_zone={time_zone:String}
        ) AS w
        ON w.frame_id = r.frame_id
            AND w.frame_version = r.frame_version
            AND w.stratum = r.stratum
            AND w.unit = r.unit
            AND r.ended_at >= w.starts
    ),
    -- Each transaction counts once in its cell: by the first thing that was measured of it, or by an entry without a name
    -- where it is outside the domain.
    entries AS
    (
        SELECT
            frame_id, frame_version, stratum, unit, starts, in_group,
            if(in_group, group_id, '') AS group_id,
            if(in_group, period_start, toDate(0)) AS period_start,
            entry.1 AS measure_id,
            toFloat64(count()) AS k,
            avg(entry.2) AS mean,
            varPopStable(entry.2) * k AS m2,
            toFloat64(countIf(nth = 1)) AS counted_here,
            sumIf(ifNull(1 / probability, 0), nth = 1) AS expected,
            0. AS eligible
        FROM
        (
            SELECT
                *,
                arrayFilter(
                    one -> in_domain AND (empty({measure_ids:Array(String)}) OR has({measure_ids:Array(String)}, one.1)),
                    measured
                ) AS wanted,
                notEmpty(wanted) AS in_group,
                if(in_group, wanted, [('', 0.)]) AS counting
            FROM placed
            WHERE in_range OR in_window
        )
        ARRAY JOIN counting AS entry, arrayEnumerate(counting) AS nth
        GROUP BY frame_id, frame_version, stratum, unit, starts, in_group, group_id, period_start, measure_id
        UNION ALL
        SELECT
            frame_id, frame_version, stratum, unit, starts, false, '', toDate(0), '', 0, 0, 0, 0, 0, toFloat64(eligible)
        FROM windows_of_draws(from_day={from_day:Date}, to_day={to_day:Date}, time_zone={time_zone:String})
        UNION ALL
        SELECT
            frame_id, frame_version, stratum, 'all' AS unit,
            toDateTime64(
                multiIf(
                    {period:String} = 'day', day,
                    {period:String} = 'week', toMonday(day),
                    {period:String} = 'month', toStartOfMonth(day),
                    {period:String} = 'quarter', toStartOfQuarter(day),
                    {from_day:Date}
                ),
                3, {time_zone:String}
            ) AS starts,
            false, '', toDate(0), '', 0, 0, 0, 0, 0, toFloat64(sum(counts.eligible))
        FROM current_population_counts AS counts
        WHERE day >= {from_day:Date} AND day < {to_day:Date}
            AND (frame_id, frame_version, stratum) NOT IN
            (
                SELECT frame_id, frame_version, stratum
                FROM windows_of_draws(
                    from_day={from_day:Date}, to_day={to_day:Date}, time_zone={time_zone:String}
                )
            )
        GROUP BY frame_id, frame_version, stratum, starts
    ),
    raw_cells AS
    (
        SELECT
            frame_id, frame_version, stratum, unit, starts,
            sum(counted_here) AS n,
            sum(eligible) AS counted,
            if(counted = 0, greatest(n, round(sum(expected))), greatest(counted, n)) AS size,
            counted < n AS behind,
            groupArrayIf((group_id, period_start, measure_id, k, mean, m2), in_group) AS parts
        FROM entries
        GROUP BY frame_id, frame_version, stratum, unit, starts
    ),
    -- The cells of a unit in the order of time. The fold carries (number of the joined cell, its n, its size, all the
    -- numbers so far): a cell is added to the one before as long as that one is short.
    in_a_row AS
    (
        SELECT
            frame_id, frame_version, stratum, unit,
            arraySort(one -> one.1, groupArray((starts, n, size, behind, parts))) AS cells,
            arrayFold(
                (so_far, one) -> if(
                    so_far.2 < 2 AND so_far.3 > so_far.2,
                    (so_far.1, so_far.2 + one.2, so_far.3 + one.3, arrayPushBack(so_far.4, so_far.1)),
                    (so_far.1 + 1, one.2, one.3, arrayPushBack(so_far.4, so_far.1 + 1))
                ),
                cells,
                (toUInt64(0), 0., 0., CAST([], 'Array(UInt64)'))
            ).4 AS numbers
        FROM raw_cells
        GROUP BY frame_id, frame_version, stratum, unit
    ),
    by_unit AS
    (
        SELECT
            frame_id, frame_version, stratum, unit, number,
            sum(cell.2) AS n,
            sum(cell.3) AS size,
            max(cell.4) AS behind,
            count() AS joined,
            groupArrayArray(cell.5) AS parts,
            n < 2 AND size > n AS short
        FROM in_a_row
        ARRAY JOIN cells AS cell, numbers AS number
        GROUP BY frame_id, frame_version, stratum, unit, number
    ),
    -- Only the last of a unit can be short, with n of 0 or 1: pairs of reviews make a cell, what follows the last pair
    -- belongs to it.
    by_stratum AS
    (
        SELECT
            *,
            sumIf(n, short) OVER (PARTITION BY frame_id, frame_version, stratum) AS loose,
            sumIf(n, short) OVER (
                PARTITION BY frame_id, frame_version, stratum ORDER BY unit, number
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) - if(short, n, 0) AS loose_before,
            minIf((unit, number), NOT short) OVER (PARTITION BY frame_id, frame_version, stratum) AS first_whole,
            countIf(NOT short) OVER (PARTITION BY frame_id, frame_version, stratum) AS whole
        FROM by_unit
    ),
    joined_cells AS
    (
        SELECT
            frame_id, frame_version, stratum,
            multiIf(
                NOT short, (unit, number),
                loose = 1 AND whole > 0 AND unit != 'all', first_whole,
                ('', toUInt64(least(intDiv(loose_before, 2), greatest(intDiv(loose, 2) - 1, 0))))
            ) AS joined_cell,
            sum(n) AS n,
            sum(size) AS size,
            max(behind) AS behind,
            sum(joined) AS joined,
            groupArrayArray(parts) AS parts
        FROM by_stratum
        GROUP BY frame_id, frame_version, stratum, joined_cell
    )
SELECT
    frame_id,
    frame_version,
    stratum,
    concat(joined_cell.1, '#', toString(joined_cell.2)) AS cell,
    n,
    size,
    size / n AS weight,
    joined,
    behind,
    part.1 AS group_id,
    part.2 AS period_start,
    part.3 AS measure_id,
    part.4 AS k,
    part.5 AS mean,
    part.6 AS m2
FROM joined_cells
ARRAY JOIN parts AS part;

-- Of each group and period: transactions that probability draws selected; those of which a review was submitted; those of
-- which every review ended without (skipped, expired, shed, withdrawn). The rest is still to come.
CREATE OR REPLACE VIEW responses AS
SELECT
    multiIf(
        {group_by:String} = 'channel', toString(channel),
        {group_by:String} = 'site', toString(site),
        {group_by:String} = 'team', toString(team_id),
        {group_by:String} = 'colleague', toString(colleague_id),
        {group_by:String} = 'topic', toString(topic),
        {group_by:String} = 'language', toString(language),
        {group_by:String} = 'stratum', toString(stratum),
        {group_by:String} = 'frame', concat(frame_id, ':', toString(frame_version)),
        ''
    ) AS group_id,
    multiIf(
        {period:String} = 'day', toDate(ended_at, {time_zone:String}),
        {period:String} = 'week', toMonday(ended_at, {time_zone:String}),
        {period:String} = 'month', toStartOfMonth(ended_at, {time_zone:String}),
        {period:String} = 'quarter', toStartOfQuarter(ended_at, {time_zone:String}),
        {from_day:Date}
    ) AS period_start,
    uniqExactIf(transaction_id, became = 'selected') AS selected,
    uniqExactIf(transaction_id, became = 'reviewed') AS responded,
    uniqExactIf(transaction_id, became = 'ended without') AS ended_without
FROM
(
    SELECT
        transaction_id, channel, site, team_id, colleague_id, topic, language, frame_id, frame_version, stratum,
        ended_at, 'selected' AS became
    FROM
    (
        SELECT *
        FROM selections FINAL
        WHERE purpose IN ('random', 'systematic', 'quota')
            AND ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
            AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
            AND (
                empty({scorecards:Array(String)})
                OR transaction_id IN (
                    SELECT transaction_id FROM review_tasks WHERE has({scorecards:Array(String)}, scorecard_id)
                )
            )
        SETTINGS do_not_merge_across_partitions_select_final = 1
    )
    UNION ALL
    SELECT
        transaction_id, channel, site, team_id, colleague_id, topic, language, frame_id, frame_version, stratum,
        ended_at, 'reviewed'
    FROM
    (
        SELECT *
        FROM scores FINAL
        WHERE notEmpty(review_ids)
            AND hasAny(purposes, ['random', 'systematic', 'quota'])
            AND (empty({scorecards:Array(String)}) OR has({scorecards:Array(String)}, scorecard_id))
            AND ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
            AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
        SETTINGS do_not_merge_across_partitions_select_final = 1
    )
    UNION ALL
    SELECT
        transaction_id, any(channel), any(site), any(team_id), any(colleague_id), any(topic), any(language),
        any(frame_id), any(frame_version), any(stratum), any(r.ended_at), 'ended without'
    FROM
    (
        -- The highest revision of the reviews that at some time ended without.
        SELECT *
        FROM reviews FINAL
        WHERE review_id IN (
                SELECT review_id
                FROM reviews
                WHERE outcome != 'submitted'
                    AND ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
                    AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
            )
            AND (log_partition, log_offset) NOT IN (
                SELECT source_partition, source_offset FROM rejected WHERE source_topic = 'reviews'
            )
            AND hasAny(purposes, ['random', 'systematic', 'quota'])
            AND (empty({scorecards:Array(String)}) OR has({scorecards:Array(String)}, scorecard_id))
            AND ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
            AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
        ORDER BY revision DESC
        LIMIT 1 BY review_id
        SETTINGS do_not_merge_across_partitions_select_final = 1
    ) AS r
    GROUP BY transaction_id
    HAVING countIf(outcome != 'submitted') >= max(copies)
)
WHERE (empty({channels:Array(String)}) OR has({channels:Array(String)}, channel))
    AND (empty({sites:Array(String)}) OR has({sites:Array(String)}, site))
    AND (empty({teams:Array(String)}) OR has({teams:Array(String)}, team_id))
    AND (empty({colleagues:Array(String)}) OR has({colleagues:Array(String)}, colleague_id))
    AND (empty({topics:Array(String)}) OR has({topics:Array(String)}, topic))
    AND (empty({languages:Array(String)}) OR has({languages:Array(String)}, language))
    AND (empty({strata:Array(String)}) OR has({strata:Array(String)}, stratum))
GROUP BY group_id, period_start;

-- The estimates: one row for each group, period and measure id.
--   group_id ('' for all), period_start (local day), measure_id ('' for the total)
--   mean_0_100                   sum(w y) / sum(w); null where nothing is reviewed yet
--   standard_error, df           by linearisation, see below; null where a single review is left alone, in its cell or in
--                                the group
--   lower_0_100, upper_0_100     95 % interval, by t with df degrees of freedom; of percentages by Wilson with the
--                                effective sample size p (1 - p) / V, (sum w)^2 / sum w^2 where V is 0 (Kish)
--   reviewed, eligible           transactions that the estimate rests on; that it speaks for (the sum of the weights)
--   selected, awaiting, response_rate    taken by probability draws; of them without an outcome yet; share of the others
--                                that was reviewed
--   cells, joins, cells_behind   draw cells that contain the group; how many were joined away; whose counts are to come
--   provisional                  reviews or counts are still to come
--   too_few                      fewer than 5 reviewed, or half-width above half_width_limit, or no error to be had: no
--                                ranking, no conclusion
--
-- z_i = w_i [i in g] (y_i - mean_g) / sum(w_i [i in g]); V = sum_h (1 - n_h/N_h) n_h/(n_h - 1) sum_i (z_i - mean_h z)^2 over
-- all reviewed of h, also those outside g, whose z is 0; df = sum n_h - H over the cells that contain the group. So do
-- svymean and svyby of R's survey package (Lumley 2010). For systematic draws V is conservative.
CREATE OR REPLACE VIEW quality_estimates AS
WITH
    1.959963984540054 AS z_95,
    -- t quantiles at 97.5 %: to 20 df as tabled, beyond by Cornish and Fisher's expansion, right to 2e-7.
    [12.706204736, 4.30265273, 3.182446305, 2.776445105, 2.570581836, 2.446911851, 2.364624252, 2.306004135, 2.262157163,
    2.228138852, 2.20098516, 2.17881283, 2.160368656, 2.144786688, 2.131449546, 2.119905299, 2.109815578, 2.10092204,
    2.093024054, 2.085963447] AS t_table,
    -- In small steps: an alias that is used twice is written out twice when the query is planned.
    summed AS
    (
        SELECT
            *,
            sum(weight * k) OVER of_group AS total_weight,
            sum(weight * k * mean) OVER of_group AS total_points
        FROM score_cells(
            group_by={group_by:String}, period={period:String}, measure={measure:String},
            measure_ids={measure_ids:Array(String)}, from_day={from_day:Date}, to_day={to_day:Date},
            time_zone={time_zone:String}, channels={channels:Array(String)}, sites={sites:Array(String)},
            teams={teams:Array(String)}, colleagues={colleagues:Array(String)}, topics={topics:Array(String)},
            languages={languages:Array(String)}, strata={strata:Array(String)}, scorecards={scorecards:Array(String)}
        )
        WINDOW of_group AS (PARTITION BY group_id, period_start, measure_id)
    ),
    centred AS
    (
        SELECT
            *, total_points / total_weight AS group_mean, mean - group_mean AS off, weight / total_weight AS share
        FROM summed
    ),
    parts AS
    (
        SELECT *, share * k * off AS z, share * share * (m2 + k * off * off) AS zz FROM centred
    ),
    by_cell AS
    (
        SELECT
            group_id, period_start, measure_id,
            any(group_mean) AS mean,
            any(total_weight) AS total_weight,
            any(parts.n) AS n,
            any(parts.size) AS size,
            any(parts.joined) AS joined,
            any(parts.behind) AS behind,
            sum(k) AS reviewed,
            sum(share * share * k) AS squared_shares,
            sum(parts.z) AS z,
            sum(parts.zz) AS zz
        FROM parts
        GROUP BY group_id, period_start, measure_id, frame_id, frame_version, stratum, cell
    ),
    with_variance AS
    (
        SELECT
            *,
            if(size > n AND n > 1, (1 - n / size) * n / (n - 1) * greatest(zz - z * z / n, 0), 0) AS variance_here
        FROM by_cell
    ),
    by_group AS
    (
        SELECT
            group_id, period_start, measure_id,
            any(with_variance.mean) AS mean,
            toUInt64(sum(with_variance.reviewed)) AS reviewed,
            toUInt64(round(any(total_weight))) AS eligible,
            sum(variance_here) AS variance,
            1 / sum(squared_shares) AS kish,
            toInt64(sum(n)) - toInt64(count()) AS df,
            count() AS cells,
            sum(joined) - count() AS joins,
            countIf(behind) AS cells_behind,
            countIf(size > n) AS sampled_cells,
            countIf(n < 2 AND size > n) AS cells_alone
        FROM with_variance
        GROUP BY group_id, period_start, measure_id
    ),
    with_errors AS
    (
        SELECT
            *,
            sampled_cells = 0 AS census,
            cells_alone > 0 OR (reviewed = 1 AND sampled_cells > 0) AS alone,
            {measure:String} IN ('error_class', 'distribution') AS percentage,
            sqrt(variance) AS error,
            if(
                df <= 20, t_table[greatest(df, 1)],
                z_95 + 2.372271230298562 / df + 2.8224986157396112 / pow(df, 2) + 2.555849679507722 / pow(df, 3)
                    + 1.5895340533938225 / pow(df, 4)
            ) AS t,
            mean / 100 AS p
        FROM by_group
    ),
    with_effective_n AS
    (
        SELECT *, z_95 * z_95 / if(alone OR variance < 1e-9, kish, p * (1 - p) * 1e4 / variance) AS zz_by_n
        FROM with_errors
    ),
    -- Wilson: (p + z^2/2n -+ z sqrt(p (1 - p) / n + z^2/4n^2)) / (1 + z^2/n), here with z^2/n for all.
    with_wilson AS
    (
        SELECT
            *,
            100 * (p + zz_by_n / 2) / (1 + zz_by_n) AS middle,
            100 * sqrt(zz_by_n * (greatest(p * (1 - p), 0) + zz_by_n / 4)) / (1 + zz_by_n) AS reach
        FROM with_effective_n
    ),
    with_intervals AS
    (
        SELECT
            *,
            if(alone, NULL, error) AS standard_error,
            multiIf(census, mean, percentage, middle - reach, alone, NULL, mean - t * error) AS lower,
            multiIf(census, mean, percentage, middle + reach, alone, NULL, mean + t * error) AS upper
        FROM with_wilson
    )
SELECT
    group_id,
    period_start,
    measure_id,
    mean AS mean_0_100,
    standard_error,
    df,
    if(lower < 0, 0, lower) AS lower_0_100,
    if(upper > 100, 100, upper) AS upper_0_100,
    reviewed,
    eligible,
    selected,
    awaiting,
    response_rate,
    cells,
    joins,
    cells_behind,
    awaiting > 0 OR cells_behind > 0 AS provisional,
    reviewed < 5 OR standard_error IS NULL OR (upper - lower) / 2 > {half_width_limit:Float64} AS too_few
FROM
(
    SELECT
        *,
        all_selected AS selected,
        toUInt64(greatest(toInt64(all_selected) - toInt64(all_responded) - toInt64(all_ended_without), 0)) AS awaiting,
        if(selected > awaiting, least(all_responded / (selected - awaiting), 1), NULL) AS response_rate
    FROM
    (
        SELECT
            * EXCEPT (selected, responded, ended_without),
            sum(selected) OVER whole_group AS all_selected,
            sum(responded) OVER whole_group AS all_responded,
            sum(ended_without) OVER whole_group AS all_ended_without,
            sum(estimated) OVER whole_group AS estimates
        FROM
        (
            SELECT
                group_id, period_start, measure_id, toNullable(mean) AS mean, standard_error, df, toNullable(lower) AS lower,
                toNullable(upper) AS upper, reviewed, eligible, cells, joins, cells_behind,
                1 AS estimated, 0 AS selected, 0 AS responded, 0 AS ended_without
            FROM with_intervals
            UNION ALL
            SELECT
                group_id, period_start, '', NULL, NULL, 0, NULL, NULL, 0, 0, 0, 0, 0,
                0, selected, responded, ended_without
            FROM responses(
                group_by={group_by:String}, period={period:String}, from_day={from_day:Date}, to_day={to_day:Date},
                time_zone={time_zone:String}, channels={channels:Array(String)}, sites={sites:Array(String)},
                teams={teams:Array(String)}, colleagues={colleagues:Array(String)}, topics={topics:Array(String)},
                languages={languages:Array(String)}, strata={strata:Array(String)}, scorecards={scorecards:Array(String)}
            )
        )
        WINDOW whole_group AS (PARTITION BY group_id, period_start)
    )
)
WHERE estimated OR (estimates = 0 AND {measure:String} = 'total')
ORDER BY group_id, measure_id, period_start;
