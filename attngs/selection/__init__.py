"""Scores and a token budget -> the sentences that stay. No model."""
