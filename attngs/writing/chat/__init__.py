"""Writers: an OpenAI-compatible endpoint, a local model, any function; and their kept replies."""
