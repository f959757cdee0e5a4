"""attngs in LangChain: a document compressor, a retriever, and middleware for agents.

```python
from langchain_attngs import AttnGSCompressor

compressor = AttnGSCompressor(target_tokens=512)
short = compressor.compress_documents(documents, "What may she not eat?")
```

The middleware needs the extra `agents` and is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from attngs.errors import MissingDependencyError
from langchain_attngs.chat import LocalChatModel
from langchain_attngs.compressor import AttnGSCompressor, AttnGSMemoryRetriever, AttnGSRetriever
from langchain_attngs.tracing import Compression, RunWatch

if TYPE_CHECKING:
    from attngs.hosts.shortening import History, ToolResults
    from langchain_attngs.memory import StoreMemory
    from langchain_attngs.memory_file import MemoryFile
    from langchain_attngs.messages import question_of
    from langchain_attngs.middleware import AttnGSMiddleware
    from langchain_attngs.persistence import Persistence, UserMemory
    from langchain_attngs.summarizing import attngs_summarizer
    from langchain_attngs.tools import memory_tools

_AGENTS = {
    "AttnGSMiddleware": "langchain_attngs.middleware",
    "History": "attngs.hosts.shortening",
    "MemoryFile": "langchain_attngs.memory_file",
    "Persistence": "langchain_attngs.persistence",
    "StoreMemory": "langchain_attngs.memory",
    "ToolResults": "attngs.hosts.shortening",
    "UserMemory": "langchain_attngs.persistence",
    "attngs_summarizer": "langchain_attngs.summarizing",
    "memory_tools": "langchain_attngs.tools",
    "question_of": "langchain_attngs.messages",
}

__all__ = [
    "AttnGSCompressor",
    "AttnGSMemoryRetriever",
    "AttnGSMiddleware",
    "AttnGSRetriever",
    "Compression",
    "History",
    "LocalChatModel",
    "MemoryFile",
    "Persistence",
    "RunWatch",
    "StoreMemory",
    "ToolResults",
    "UserMemory",
    "attngs_summarizer",
    "memory_tools",
    "question_of",
]


def __getattr__(name: str) -> object:
    """Load what needs the extra `agents` when it is first used (PEP 562)."""
    if name not in _AGENTS:
        raise AttributeError(f"module `langchain_attngs` has no attribute {name!r}")
    try:
        value: object = getattr(import_module(_AGENTS[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("langchain", "langgraph"):
            raise
        raise MissingDependencyError(f"`{name}` needs LangChain's agents; install them with `pip install 'attngs[agents]'`.") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
