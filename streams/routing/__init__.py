"""From selections to review tasks: which queue, which scorecard, how urgent, how many independent reviews.

`working_time` counts due times in the frame's working hours, `tasks` decides what one selection asks for and how it
joins what was asked before, `stage` carries that along the log.
"""
