"""What must be kept, in the user's words: regular expressions and functions -> tests of a sentence."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from attngs.errors import ConfigError
from attngs.types import Sentence

MustKeep = str | re.Pattern[str] | Callable[[Sentence], bool]

PATTERN_SECONDS = 5.0
"""A regular expression has this long for all sentences of a request."""


def matcher(must: MustKeep) -> Callable[[Sentence], object]:
    """A test that is truthy for the sentences that `must` names.

    Anybody may write a pattern, and one that backtracks takes forever: `regex` reads the same patterns as `re` and can stop.

    Raises:
        ConfigError: It is no regular expression. The test raises it where the pattern takes too long.
    """
    if not isinstance(must, str | re.Pattern):
        return must
    import regex

    written, flags = (must, 0) if isinstance(must, str) else (must.pattern, must.flags)
    try:
        pattern = regex.compile(written, flags)
    except regex.error as error:
        raise ConfigError(f"`must_keep` holds {written!r}, which is not a regular expression: {error}.") from error
    left = PATTERN_SECONDS  # of its own time: many searches, each of them quick, may take forever too

    def search(sentence: Sentence) -> object:
        nonlocal left
        begun = time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            return pattern.search(sentence.text, timeout=left)
        except TimeoutError as error:
            raise ConfigError(
                f"`must_keep` holds {written!r}, which took more than {PATTERN_SECONDS:g} seconds on these documents; make it simpler."
            ) from error
        finally:
            left -= time.monotonic() - begun

    return search
