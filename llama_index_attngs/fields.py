"""Reading what may be a mapping, an object, or not there: providers differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def field(value: object, name: str) -> Any:
    """The field of that name, or `None`."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
