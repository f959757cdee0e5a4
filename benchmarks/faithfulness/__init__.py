"""Whether planted errors in rewrites are found, and faithful rewrites let pass; `__main__.py` says how to run it."""
