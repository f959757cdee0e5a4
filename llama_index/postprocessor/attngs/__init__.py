"""attngs, importable where LlamaIndex's integrations are; the code is in `llama_index_attngs`."""

from __future__ import annotations

from llama_index_attngs import AttnGSMemoryBlock, AttnGSPostprocessor

__all__ = ["AttnGSMemoryBlock", "AttnGSPostprocessor"]
