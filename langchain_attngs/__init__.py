"""attngs in LangChain: a document compressor, a retriever, and middleware for agents.

```python
from langchain_attngs import AttnGSCompressor

compressor = AttnGSCompressor(target_tokens=512)
short = compressor.compress_documents(documents, "What may she not eat?")
```
"""

from __future__ import annotations

from langchain_attngs.compressor import AttnGSCompressor

__all__ = ["AttnGSCompressor"]
