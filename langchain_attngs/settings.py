"""How something is compressed, as fields that LangChain's pydantic models can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError
from attngs.hosts.markers import find_marker
from attngs.marking.marker import Marker
from attngs.protocols import PromptTemplate, TokenCounter
from attngs.reading.tokens import TiktokenCounter, as_counter
from attngs.selection import ExtractLayout, GreedySelector
from attngs.writing.statements import FaithfulnessFloor
from langchain_attngs.chat import RunnableChat


def check_kind(value: object, name: str, kind: type) -> None:
    """Raise a `ConfigError` unless the argument of this name is of this kind."""
    if not isinstance(value, kind):
        raise ConfigError(f"`{name}` must be made with `{kind.__name__}(...)`, got {type(value).__name__}.")


class CompressionSettings(BaseModel):
    """The settings that everything here shares. They cannot be changed afterwards; `model_copy(update=...)` makes others.

    Copies and pickles share the marker: its weights are in memory once.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", frozen=True)

    target_tokens: int = Field(ge=1, strict=True)
    """Hard bound of what the reader is shown, in the counter's tokens."""
    marker: str | Path | Marker = "default"
    """`default` for the embedded one, a model on the hub, a folder, or a `Marker`, with whatever scorer and settings. A name is loaded when
    it is first needed, once in a process."""
    mode: Literal["extract", "rewrite"] = "extract"
    """The sentences that matter, verbatim, or `llm`'s words for them, checked against them."""
    llm: Runnable[Any, Any] | None = Field(default=None, repr=False)
    """Who writes in mode `rewrite`: a chat model, with retries, fallbacks or a configuration round it if you like."""
    counter: str | TokenCounter | Callable[[str], int] | None = None
    """Whose tokens: the name of a tiktoken model or encoding, a function or a counter; the marker's own when not given."""
    selector: GreedySelector = GreedySelector()
    """Chooses the sentences: must-keep patterns, neighbours, a minimum for each document."""
    template: PromptTemplate | None = Field(default=None, repr=False)
    """What `llm` is sent; `attngs.writing.prompts.GUIDED` when not given."""
    floor: FaithfulnessFloor = FaithfulnessFloor()
    """What happens to sentences of `llm` that the documents do not support."""
    on_llm_error: Literal["extract", "raise"] = "extract"
    """When `llm` fails: hand on the verbatim extract, or raise the `ChatError`."""
    max_concurrency: int = Field(default=4, ge=1, strict=True)
    """How many documents are rewritten at a time."""
    namespace: str = ""
    """Whose texts these are: what the marker keeps of them is found again under the same namespace only."""

    @field_validator("marker")
    @classmethod
    def _named(cls, value: str | Path | Marker) -> str | Path | Marker:
        if isinstance(value, str) and not value.strip():
            raise ConfigError("`marker` is empty; use 'default', a model's name, a folder, or a `Marker`.")
        return value

    @field_validator("counter")
    @classmethod
    def _countable(cls, value: object) -> object:
        if value is not None and not isinstance(value, str):
            as_counter(value)  # type: ignore[arg-type]  # raises
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.mode == "rewrite" and self.llm is None:
            raise ConfigError("`llm` is needed for mode='rewrite'; pass a chat model, or use mode='extract'.")
        if self.mode == "extract" and self.llm is not None:
            raise ConfigError("`llm` is given but mode='extract' asks nobody; say mode='rewrite', or leave `llm` out.")
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy that shares what it is made of: none of it changes, and models and clients are not to be doubled."""
        return self.model_copy()

    def found_marker(self) -> Marker:
        """The marker, loaded when it is first needed."""
        return find_marker(self.marker)

    def found_counter(self) -> TokenCounter:
        """The counter.

        Raises:
            ConfigError: tiktoken does not know the name, or none is given and the marker has none.
            AssetError: The tiktoken encoding is not on this machine and cannot be fetched.
        """
        if self.counter is None:
            counter = self.found_marker().counter
            if counter is None:
                raise ConfigError("`counter` is needed: this marker has no tokenizer. Name a tiktoken model, or pass any `text -> int`.")
            return counter
        return TiktokenCounter(self.counter) if isinstance(self.counter, str) else as_counter(self.counter)

    def extractor(self, layout: ExtractLayout) -> ContextCompressor:
        """Hands on sentences verbatim, in this layout."""
        return ContextCompressor(self.found_marker(), selector=replace(self.selector, layout=layout), counter=self.found_counter())

    def writer(self, config: RunnableConfig, layout: ExtractLayout) -> ContextCompressor | None:
        """Has them rewritten, as a part of the run whose config this is; `None` in mode `extract`."""
        if self.llm is None:
            return None
        return ContextCompressor(
            self.found_marker(),
            RunnableChat(self.llm, config),
            selector=replace(self.selector, layout=layout),
            counter=self.found_counter(),
            template=self.template,
            floor=self.floor,
            on_chat_error=self.on_llm_error,
        )
