"""What a probe may look at: one file, one kind of features, every feature with a name that never changes its meaning."""
