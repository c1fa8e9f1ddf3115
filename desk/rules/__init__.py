"""The desk's decisions, as functions of values: no store, no clock, no chance."""
