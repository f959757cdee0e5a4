"""How much of what a question needs is kept under a budget, beside everything that is simpler; `__main__.py` says how to run it."""
