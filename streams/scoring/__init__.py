"""From reviews to quality scores.

`rules` is the arithmetic of one review against its scorecard, `combined` puts the reviews of one transaction together,
`stage` carries them along the log.
"""
