"""The draw stage: what needs a whole window to be decided (quotas, caps, targeted overlays, check requests).

`windows` cuts time into local days, weeks and months, `plans` says how each draw works, `watermark` how far time has
come by the markers of a partition, `cells` what is kept of a window until it closes, `records` what is read and
written; `stage` carries that along the log.
"""
