-- The first local day of which the population was ever counted.
--
-- Parameters: none. Returns one row: `day`, 1970-01-01 when nothing was counted.
SELECT min(day) AS day FROM population_counts
