"""Public fakes and contract checks: test your app without a model, and your plug-in's contract.

```python
from attngs.testing import FakeScorer, check_scorer

check_scorer(MyScorer())
```
"""

from __future__ import annotations

from attngs.testing.contracts import NASTY_TEXTS, HostCompressor, check_compressor, check_scorer, check_splitter
from attngs.testing.fakes import FakeChat, FakeCrossEncoder, FakeEmbeddings, FakeScorer, count_words
from attngs.testing.tiny import tiny_model, tiny_tokenizer

__all__ = [
    "NASTY_TEXTS",
    "FakeChat",
    "FakeCrossEncoder",
    "FakeEmbeddings",
    "FakeScorer",
    "HostCompressor",
    "check_compressor",
    "check_scorer",
    "check_splitter",
    "count_words",
    "tiny_model",
    "tiny_tokenizer",
]
