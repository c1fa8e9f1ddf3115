"""Who uses the desk, how they prove it, and what they may do."""
