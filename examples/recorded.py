"""Memory layers that answer as they were recorded, in place of their real clients, which need a server or a key.

`docs/keep-what-you-have.md` calls them as it would call the real ones. The answers in `data/recorded` have the public shapes of mem0 2.2,
Zep 3, Graphiti 0.31 and Hindsight 1.1; what they say is made up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent / "data" / "recorded"


class Answer(BaseModel):
    """An object of a client's own package, whatever its fields."""

    model_config = ConfigDict(extra="allow")


def recorded(name: str) -> Any:
    """An answer as plain values."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def as_objects(value: Any) -> Any:
    """The answer with an object for each mapping, as clients in Python return it."""
    if isinstance(value, list):
        return [as_objects(item) for item in value]
    return Answer(**{name: as_objects(field) for name, field in value.items()}) if isinstance(value, dict) else value


class Mem0:
    """Stands for `mem0.Memory`."""

    def search(self, query: str, *, filters: dict[str, str], top_k: int = 20) -> dict[str, Any]:
        return recorded("mem0")


class ZepGraph:
    """Stands for `zep_cloud.client.Zep(...).graph`."""

    def search(self, *, query: str, user_id: str, limit: int = 10) -> Any:
        return as_objects(recorded("zep"))


class Graphiti:
    """Stands for `graphiti_core.Graphiti`."""

    async def search(self, query: str, *, group_ids: list[str], num_results: int = 10) -> Any:
        return as_objects(recorded("graphiti"))


class Hindsight:
    """Stands for `hindsight_client.Hindsight`."""

    def recall(self, *, bank_id: str, query: str, max_tokens: int = 4096) -> Any:
        return as_objects(recorded("hindsight"))
