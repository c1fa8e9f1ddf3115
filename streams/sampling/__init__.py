"""The sample stage: every transaction is read once, judged, placed in its stratum, drawn or not, and counted."""
