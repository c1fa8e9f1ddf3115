"""Other ways to write the same sampling job, each as its own documentation teaches or as well as it can be tuned."""
