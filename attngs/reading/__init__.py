"""Models and what is read of them: attention, states, and what is kept of a context."""
