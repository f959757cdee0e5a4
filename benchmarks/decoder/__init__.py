"""What the attention of a decoder finds, layer by layer, before and after training. The command is `python -m benchmarks.decoder`."""

from __future__ import annotations
