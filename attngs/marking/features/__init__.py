"""What a probe may look at."""
