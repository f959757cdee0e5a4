"""Whether what is kept can be understood, in fifteen shapes of text that people have; `__main__.py` says how to run it."""
