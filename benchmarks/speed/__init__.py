"""What marking costs in time and memory, measured beside what it must beat. The command is `python -m benchmarks.speed`; see `__main__`."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: a rival that would fetch a model fails at once and is left out
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # said out loud, or the library warns when a process starts another
