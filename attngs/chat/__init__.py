"""Writers: an OpenAI-compatible endpoint, a local model, or any callable, behind the seam of `attngs.protocols.ChatModel`."""
