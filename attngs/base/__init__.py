"""The ground: values, seams, what can go wrong, and what operators watch."""
