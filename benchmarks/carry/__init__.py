"""Which constants of the embedded marker's score carry over to a set that they were not chosen on; `__main__.py` says how to run it."""
