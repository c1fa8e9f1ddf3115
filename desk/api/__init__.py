"""JSON for other tools, with tokens."""
