"""Malformed input by the hundred thousand."""
