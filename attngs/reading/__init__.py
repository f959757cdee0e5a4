"""Models and what is read of them: attention and states, and the cache that keeps them."""
