"""attngs in LlamaIndex: nodes and long chats, made short for the question under a token budget.

```python
from llama_index_attngs import AttnGSPostprocessor

query_engine = index.as_query_engine(node_postprocessors=[AttnGSPostprocessor(target_tokens=512)])
```
"""

from __future__ import annotations

from attngs.errors import MissingDependencyError

try:
    import llama_index.core  # noqa: F401
except ImportError as error:
    raise MissingDependencyError("`llama_index_attngs` needs llama-index-core; run `pip install 'attngs[llama-index]'`.") from error

from llama_index_attngs.chat import LlamaIndexChat
from llama_index_attngs.memory import AttnGSMemoryBlock
from llama_index_attngs.postprocessor import AttnGSMemoryRetriever, AttnGSPostprocessor, CompressionEndEvent, CompressionStartEvent
from llama_index_attngs.tools import memory_tools

__all__ = [
    "AttnGSMemoryBlock",
    "AttnGSMemoryRetriever",
    "AttnGSPostprocessor",
    "CompressionEndEvent",
    "CompressionStartEvent",
    "LlamaIndexChat",
    "memory_tools",
]
