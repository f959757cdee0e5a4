"""Token counters: a budget only makes sense in the tokens of the model that will read the result."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attngs.errors import AssetError, ConfigError, InputError
from attngs.protocols import TokenCounter
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.reading.encoding import TextEncoder, TextSize
from attngs.text.documents import clean_text

if TYPE_CHECKING:
    import tiktoken
    from transformers import PreTrainedTokenizerBase


CACHE_BYTES = 8 * 2**20
"""Room for remembered counts: the sentences of a memory are counted again for every question."""

ENTRY_BYTES = 128
"""One remembered count with its key, about."""


class TokenizerCounter:
    """Counts with a Hugging Face tokenizer, without the special tokens around a text.

    Characters that the tokenizer cannot spell or leaves out, such as zero-width and control characters, count as their UTF-8 bytes. No
    byte-level reader needs more, so a gap in the vocabulary never makes a long text look short. White space that the tokenizer ignores
    counts nothing, though another reader may count it.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, name: str | None = None) -> None:
        self._encoder = TextEncoder(tokenizer)
        self._counts = ContextCache(CACHE_BYTES)
        self.name = name or str(tokenizer.name_or_path)

    def count(self, texts: Sequence[str]) -> list[int]:
        def spell(missing: list[int]) -> list[int]:
            new = [texts[i] for i in missing]
            return [self._spelled(text, size) for text, size in zip(new, self._encoder.measure(new), strict=True)]

        return self._counts.remember([Key("", digest(text)) for text in texts], spell, size=lambda count: ENTRY_BYTES)

    def forget(self, namespace: str | None = None) -> None:
        """Forget all counts. They are kept by the digest of a text, whoever it belongs to."""
        self._counts.clear()

    def _spelled(self, text: str, size: TextSize) -> int:
        if size.spelled >= len("".join(text.split())):
            return size.tokens
        [encoded] = self._encoder.encode([text])
        known = encoded.ids != self._encoder.unknown_id
        covered = np.zeros(len(text) + 1, dtype=np.int64)
        np.add.at(covered, encoded.starts[known], 1)
        np.add.at(covered, encoded.ends[known], -1)
        gaps = (character for character, depth in zip(text, covered.cumsum(), strict=False) if depth == 0 and not character.isspace())
        return size.known + len("".join(gaps).encode(errors="surrogatepass"))


class TiktokenCounter:
    """Counts with an OpenAI encoding, named by a model (`gpt-4o`) or by itself (`o200k_base`).

    Nothing is downloaded at import. tiktoken downloads an encoding on first use, unless `TIKTOKEN_CACHE_DIR` names a folder that has it.

    Raises:
        ConfigError: tiktoken knows neither a model nor an encoding of that name.
        AssetError: The encoding is not on this machine and cannot be fetched.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._encoding = _load_encoding(name)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self._encoding.encode_ordinary_batch([clean_text(text) for text in texts])]


class CallableCounter:
    """Counts with any function from text to int.

    Raises:
        InputError: While counting, if the function returns anything but a whole number of at least 0.
    """

    def __init__(self, count_tokens: Callable[[str], int]) -> None:
        self._count_tokens = count_tokens
        self.name = getattr(count_tokens, "__name__", type(count_tokens).__name__)

    def count(self, texts: Sequence[str]) -> list[int]:
        return _checked(self.name, lambda: [self._count_tokens(text) for text in texts], len(texts))


class CheckedCounter:
    """Counts with anybody's counter: a budget holds only as far as its numbers are numbers.

    Raises:
        InputError: While counting, if the counter returns anything but a whole number of at least 0 for each text.
    """

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self.name = counter.name

    def count(self, texts: Sequence[str]) -> list[int]:
        return _checked(self.name, lambda: self._counter.count(texts), len(texts))


def _checked(name: str, count: Callable[[], Iterable[object]], expected: int) -> list[int]:
    """What a counter of this name returns for `expected` texts."""
    try:
        returned: object = count()
    except StopIteration as error:  # it would end a generator of the caller's, and no event loop can raise it
        raise InputError(f"the token counter `{name}` raised StopIteration; it must return whole numbers.") from error
    if not isinstance(returned, Iterable) or len(numbers := list(returned)) != expected:
        raise InputError(f"the token counter `{name}` returned {returned!r} for {expected} texts; it must return a number for each.")
    for number in numbers:
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < 0:
            raise InputError(f"the token counter `{name}` returned {number!r}; it must return a whole number of at least 0.")
    return [int(number) for number in numbers]


CounterLike = str | TokenCounter | Callable[[str], int]
_OURS = (TokenizerCounter, TiktokenCounter, CallableCounter, CheckedCounter)
MARKER_TOKENS = "marker"
"""The name of the counter that counts as the marker's own tokenizer does."""


def as_counter(counter: CounterLike | None, marker_counter: TokenCounter | None = None) -> TokenCounter:
    """The counter that a setting stands for.

    Args:
        counter: A counter, a function, the name of a tiktoken model or encoding, or `marker`; `None` means `marker`.
        marker_counter: The marker's own.

    Raises:
        ConfigError: It is none of these, tiktoken does not know the name, or the marker has no tokenizer.
        AssetError: The tiktoken encoding is not on this machine and cannot be fetched.
    """
    if counter is None or (isinstance(counter, str) and counter == MARKER_TOKENS):
        if marker_counter is None:
            raise ConfigError("`counter` is needed: this marker has no tokenizer. Name a tiktoken model, or pass any `text -> int`.")
        return marker_counter
    if isinstance(counter, str):
        return TiktokenCounter(counter)
    if isinstance(counter, TokenCounter):
        return counter if isinstance(counter, _OURS) else CheckedCounter(counter)
    if callable(counter):
        return CallableCounter(counter)
    raise ConfigError(f"`counter` must be a TokenCounter, a function from text to int, or a name, got {counter!r}.")


def _load_encoding(name: str) -> tiktoken.Encoding:
    import tiktoken

    try:
        encoding_name = name if name in tiktoken.list_encoding_names() else tiktoken.encoding_name_for_model(name)
    except KeyError as error:
        raise ConfigError(
            f"`{name}` is neither an encoding nor a model that tiktoken knows. Encodings: {', '.join(tiktoken.list_encoding_names())}."
        ) from error
    try:
        return tiktoken.get_encoding(encoding_name)
    except Exception as error:  # whatever the HTTP library of the day raises
        folder = os.environ.get("TIKTOKEN_CACHE_DIR")
        raise AssetError(
            f"the tiktoken encoding `{encoding_name}` is not on this machine and could not be fetched ({type(error).__name__}). "
            "Set `TIKTOKEN_CACHE_DIR` to a folder that holds it"
            + (f" (it is {folder!r} now)" if folder else "")
            + "; to fill one, run `tiktoken.get_encoding(...)` once on a machine with a network. Or count with the marker's tokenizer."
        ) from error
