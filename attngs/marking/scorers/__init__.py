"""Scorers: each file is one way to score sentences."""
