-- Review tasks by queue and by what became of them, for the metrics of the sink.
--
-- Parameters: now String (UTC); days UInt32: how far back due times count for `due`.
-- Returns one row per (queue, outcome); outcome is 'awaiting' where there is none yet:
--   waiting   tasks without an outcome
--   overdue   those of them whose due time is past
--   due       tasks whose due time lies in the last `days`
--
-- Right before and after merges: current_* views, one row an id. A task is a copy: a blind double review is two. Tasks
-- of transactions that ended more than 120 days ago are left out: old months are not read.
SELECT
    toString(queue) AS queue,
    if(reviews.review_id = '', 'awaiting', toString(reviews.outcome)) AS outcome,
    countIf(outcome = 'awaiting') AS waiting,
    countIf(outcome = 'awaiting' AND tasks.due_at <= toDateTime64({now:String}, 3, 'UTC')) AS overdue,
    countIf(
        tasks.due_at <= toDateTime64({now:String}, 3, 'UTC')
        AND tasks.due_at > toDateTime64({now:String}, 3, 'UTC') - toIntervalDay({days:UInt32})
    ) AS due
FROM
(
    SELECT task_id, queue, due_at
    FROM current_review_tasks
    WHERE ended_at > toDateTime64({now:String}, 3, 'UTC') - toIntervalDay(120)
) AS tasks
LEFT JOIN
(
    SELECT review_id, outcome
    FROM current_reviews
    WHERE ended_at > toDateTime64({now:String}, 3, 'UTC') - toIntervalDay(120)
) AS reviews ON reviews.review_id = tasks.task_id
GROUP BY queue, outcome
ORDER BY queue, outcome
