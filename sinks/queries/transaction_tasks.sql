-- The review tasks of one transaction. Parameters: id String. Returns one row a task; due_at in UTC.
SELECT task_id, copy_number, copies, purposes, queue, priority, scorecard_id, scorecard_version, due_at
FROM current_review_tasks
WHERE transaction_id = {id:String}
ORDER BY task_id
