"""A text read into clauses: figures, names, signs, and whom each is about."""
