"""Has a series dropped? Evidence that is right at any time, for scores of any shape (docs/detection.md).

`e_detector` is the arithmetic of one series' evidence, `reference` what scores are compared with, `series` puts them
together with the life of an alert, `stage` runs them over the log.
"""
