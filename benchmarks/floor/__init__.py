"""When should a memory say nothing? Probabilities, where they come from, and what a floor costs and saves."""
