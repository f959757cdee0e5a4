"""The examples that are part of attngs itself: the demo's memory, and the chatbot."""

from __future__ import annotations

from pathlib import Path

from attngs.errors import AssetError

_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "_examples", _PACKAGE.parent / "examples")
"""A wheel has them inside the package (`force-include` in pyproject.toml); a checkout has them beside it."""


def shipped(name: str) -> Path:
    """Where an example is, such as `data/maren`.

    Raises:
        AssetError: It is in neither place, so this installation is broken.
    """
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    raise AssetError(f"the example `{name}` is not in {_PLACES[0]}. Install attngs again: pip install --force-reinstall --no-deps attngs")
