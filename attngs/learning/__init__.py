"""Labelled examples: evaluation, fitting, training."""
