"""Everything that can go wrong, drawn once.

```
AttngsError
├── ConfigError (ValueError)             a setting or argument outside its range
├── InputError (ValueError)              documents, query or a file that cannot be read as text
├── MissingDependencyError (ImportError) an extra that is not installed, with the command that installs it
├── AssetError                           a file on disk that is missing or not what it should be
│   └── UnavailableError                 it cannot be used now: it is locked, read-only, or its disk is full
├── ModelError                           the marker model
│   ├── ModelNotFoundError               neither a folder nor a model that can be loaded
│   ├── OutOfMemoryError                 a batch that did not fit, split once and still too large
│   └── UnsupportedModelError            its attention cannot be read, and what to use instead
├── ChatError                            the writer failed: `.retryable`, `.status`, `.retry_after`
├── WorkerError                          a worker on some machine died, and those that took its place too
├── AccessError                          a server does not know who asks
└── RefusedError                         a server does not take a request: `.status`, `.code`, `.retry_after`
```

Every message names the argument, the value and the remedy. An error never becomes text or `None`.
"""

from __future__ import annotations

import math
import operator
from typing import SupportsIndex


class AttngsError(Exception):
    """Base of every error that attngs raises on purpose."""


class ConfigError(AttngsError, ValueError):
    """A setting or argument is outside its allowed range."""


class InputError(AttngsError, ValueError):
    """The documents, the query or an input file cannot be used."""


class MissingDependencyError(AttngsError, ImportError):
    """An optional dependency is not installed."""


class AssetError(AttngsError):
    """A file that attngs needs is missing, or its content is not the expected one."""


class UnavailableError(AssetError):
    """The file cannot be used now: it is locked, read-only, or its disk is full. It need not be damaged."""


class ModelError(AttngsError):
    """The marker model failed or returned something that is not a number."""


class ModelNotFoundError(ModelError):
    """The model name is neither a local folder nor something that could be loaded."""


class OutOfMemoryError(ModelError):
    """The model ran out of memory, and again after the batch was split."""


class UnsupportedModelError(ModelError):
    """The model's attention cannot be read; the message names its type and what to do."""


class AccessError(AttngsError):
    """A server does not know who asks: there is no token, or nobody has it."""


class RefusedError(AttngsError):
    """A server does not take a request, or cannot answer it now.

    Args:
        message: What is wrong, and what to do.
        status: HTTP status.
        code: One word for programs, such as `too_large`.
        retry_after: Seconds after which the same request may be taken.
    """

    def __init__(self, message: str, *, status: int, code: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class WorkerError(AttngsError):
    """A worker of a cluster died, and so did those that were given its rows."""


class ChatError(AttngsError):
    """The writer failed, or returned something that is not a reply.

    Args:
        message: What happened and what to do.
        retryable: Whether the same request may succeed later.
        status: HTTP status, where there was one.
        retry_after: Seconds after which the other side asked to be called again.
    """

    def __init__(self, message: str, *, retryable: bool = False, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after


def check_whole(name: str, value: object, least: int = 1) -> int:
    """The argument as an `int`; whole numbers of other libraries, such as numpy's, are welcome.

    Raises:
        ConfigError: It is no whole number, or less than `least`. The message has its name and value.
    """
    if not isinstance(value, SupportsIndex) or isinstance(value, bool) or operator.index(value) < least:
        raise ConfigError(f"`{name}` must be a whole number of at least {least}, got {value!r}.")
    return operator.index(value)


def check_weight(name: str, value: object) -> float:
    """The argument as a weight.

    Raises:
        ConfigError: It is no number, negative or infinite. The message has its name and value.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(f"`{name}` must be a number of at least 0, and finite, got {value!r}.")
    return value


def check_kind(value: object, name: str, kind: type) -> None:
    """Raise a `ConfigError` unless the argument of this name is of this kind."""
    if not isinstance(value, kind):
        raise ConfigError(f"`{name}` must be made with `{kind.__name__}(...)`, got {type(value).__name__}.")
