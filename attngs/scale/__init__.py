"""Where one machine ends: millions of contexts on many machines, with Ray."""
