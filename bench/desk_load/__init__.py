"""200 simulated reviewers on one desk that is killed again and again (`make desk-load`)."""
