"""Objects with a model, threads or connections: a copy is the object itself; pickling is refused.

Hosts copy what they are given. The copy may be the object, because nobody changes these objects after they are made.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

from attngs.errors import ConfigError


class Shared:
    """Base of what is shared between copies."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            f"a `{type(self).__name__}` cannot be pickled: it holds a model, threads or connections. Pickle its settings, such as the name "
            "or folder of a model, and make it from them where it is needed."
        )
