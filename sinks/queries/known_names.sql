-- The names that stored selections and scores of some days carry, to say what was probably meant by one that is not there.
--
-- Parameters: from_day, to_day Date: transactions that ended on local days [from_day, to_day) of time_zone String.
-- Returns one row: channels, sites, teams, colleagues, topics, languages, strata, scorecards Array(String), sorted.
-- Right before and after merges: distinct names, so a row that stands twice changes nothing.
SELECT
    arraySort(groupUniqArray(toString(channel))) AS channels,
    arraySort(groupUniqArray(toString(site))) AS sites,
    arraySort(groupUniqArray(toString(team_id))) AS teams,
    arraySort(groupUniqArray(toString(colleague_id))) AS colleagues,
    arraySort(groupUniqArray(toString(topic))) AS topics,
    arraySort(groupUniqArray(toString(language))) AS languages,
    arraySort(groupUniqArray(toString(stratum))) AS strata,
    arraySort(groupUniqArrayIf(scorecard, scorecard != '')) AS scorecards
FROM
(
    SELECT channel, site, team_id, colleague_id, topic, language, stratum, '' AS scorecard
    FROM selections
    WHERE ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
        AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
    UNION ALL
    SELECT channel, site, team_id, colleague_id, topic, language, stratum, toString(scorecard_id)
    FROM scores
    WHERE ended_at >= toDateTime64({from_day:Date}, 3, {time_zone:String})
        AND ended_at < toDateTime64({to_day:Date}, 3, {time_zone:String})
)
