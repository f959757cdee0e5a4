"""One file, one idea: everything that can say how much a sentence matters to a question."""
