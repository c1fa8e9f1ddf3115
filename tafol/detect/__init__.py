"""Detection tried out on stored scores: other settings, the evidence as it grew, references to agree."""
