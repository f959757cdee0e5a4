"""attngs in pydantic-ai: memory that matters, and short messages, in each request of an agent.

```python
from pydantic_ai_attngs import AttnGSCapability, PydanticMessages

shortener = MessageShortener(ContextCompressor(Marker.default()), target_tokens=512, messages=PydanticMessages())
agent = Agent("openai:gpt-5-mini", deps_type=str, capabilities=[AttnGSCapability(shortener, memory=facts_of, namespace=user_of)])
```
"""

from __future__ import annotations

from pydantic_ai_attngs.capability import AttnGSCapability
from pydantic_ai_attngs.messages import PydanticMessages

__all__ = ["AttnGSCapability", "PydanticMessages"]
