"""Labels -> a probe: read features once, try what could be better than the default, keep what is better on examples not seen."""
