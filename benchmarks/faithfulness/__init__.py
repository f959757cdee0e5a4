"""Are planted errors in rewrites found, and faithful rewrites let pass?

`__main__.py` says how to run it.
"""
