"""One way to score sentences a file."""
