"""Plain, slow, obviously right: what the pipeline is compared with."""
