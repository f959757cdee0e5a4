"""Features of sentences: what a probe can weigh."""
