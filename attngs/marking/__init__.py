"""Scores and marks: the algorithm, its scorers and features, the marker."""
