"""A memory on disk against a look at everything, and how it grows; `__main__.py` says how to run it."""
