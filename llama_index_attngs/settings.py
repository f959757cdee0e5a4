"""The settings that nodes and memories share, as fields that LlamaIndex can save and restore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from llama_index.core import Settings
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.bridge.pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_serializer, field_validator
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.utils import get_tokenizer

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError
from attngs.hosts.markers import MarkerLike, find_marker
from attngs.marking.marker import Marker
from attngs.protocols import Selector, TokenCounter
from attngs.reading.tokens import TiktokenCounter, as_counter
from attngs.selection import ExtractLayout, GreedySelector
from llama_index_attngs.chat import REWRITE_PROMPT, HostPrompt, LlamaIndexChat

MARKER_TOKENS = "marker"
"""Name of the counter that counts as the marker's own tokenizer does."""

CounterLike = str | TokenCounter | Callable[[str], int] | None


class HostCounter:
    """Counts as LlamaIndex itself does: with `Settings.tokenizer`, whatever it is at that moment."""

    name = "llama-index"

    def count(self, texts: Sequence[str]) -> list[int]:
        tokenize = get_tokenizer()
        return [len(tokenize(text.encode("utf-8", errors="replace").decode("utf-8"))) for text in texts]


def find_counter(counter: CounterLike, marker: Marker) -> TokenCounter:
    """A counter from its name: of a tiktoken model or encoding, or `marker`; LlamaIndex's own when there is none.

    Raises:
        ConfigError: tiktoken does not know the name, or the marker has no tokenizer.
    """
    if counter is None:
        return HostCounter()
    if counter == MARKER_TOKENS:
        if marker.counter is None:
            raise ConfigError(f"`counter` is {MARKER_TOKENS!r}, but the marker {marker.name} has no tokenizer; name a tiktoken model.")
        return marker.counter
    return TiktokenCounter(counter) if isinstance(counter, str) else as_counter(counter)


def plain_name(value: object) -> object:
    """What a saved configuration says of a setting: names as they are, objects by a note that `restorable` refuses."""
    if isinstance(value, Path):
        return str(value)
    return value if value is None or isinstance(value, str) else f"<object {getattr(value, 'name', type(value).__name__)}>"


def restorable(value: object, argument: str) -> object:
    """The setting, unless it is the note that `plain_name` left of an object.

    Raises:
        ConfigError: It is, and the object must be passed again.
    """
    if isinstance(value, str) and value.startswith("<object "):
        raise ConfigError(f"`{argument}` was {value} when this was saved; pass it again, as in `from_dict(data, {argument}=...)`.")
    return value


class CompressionSettings(BaseModel):
    """How something is compressed. What holds secrets or code is left out when it is saved: the LLM and its prompt."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    target_tokens: int = Field(ge=1, description="Hard bound of what the reader is shown.")
    marker: MarkerLike = Field(default="default", description="`default`, a model's name or folder, or a `Marker`.")
    mode: Literal["extract", "rewrite"] = Field(default="extract", description="Kept sentences verbatim, or an LLM's words for them.")
    llm: BaseLLM | None = Field(default=None, exclude=True, repr=False, description="For `rewrite`; `Settings.llm` when not given.")
    counter: CounterLike = Field(default=None, description="Whose tokens: a tiktoken name, `marker`, a function; LlamaIndex's own if None.")
    must_keep: tuple[str, ...] = Field(default=(), description="Regular expressions; sentences in which one is found go in first.")
    neighbors: int = Field(default=0, ge=0, description="Take along this many sentences before and after each chosen one.")
    on_chat_error: Literal["extract", "raise"] = Field(default="extract", description="When the LLM fails: the extract, or its error.")
    rewrite_prompt: BasePromptTemplate = Field(default=REWRITE_PROMPT, exclude=True, repr=False, description="What the LLM is sent.")

    @field_validator("marker", "counter", mode="before")
    @classmethod
    def _restorable(cls, value: object, info: ValidationInfo) -> object:
        return restorable(value, str(info.field_name))

    @field_validator("must_keep")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        GreedySelector(must_keep=value)  # raises
        return value

    @field_serializer("marker", "counter")
    def _plain(self, value: object) -> object:
        return plain_name(value)

    def found_marker(self) -> Marker:
        """The marker, loaded when it is first needed."""
        return find_marker(self.marker)

    def found_counter(self) -> TokenCounter:
        """The counter."""
        return find_counter(self.counter, self.found_marker())

    def chat(self) -> LlamaIndexChat | None:
        """Who writes; `None` where sentences are handed on verbatim."""
        return LlamaIndexChat(self.llm or Settings.llm) if self.mode == "rewrite" else None

    def selector(self, layout: ExtractLayout) -> GreedySelector:
        """Chooses sentences, which will be shown in this layout."""
        return GreedySelector(must_keep=self.must_keep, neighbors=self.neighbors, layout=layout)

    def compressor(self, chat: LlamaIndexChat | None, selector: Selector) -> ContextCompressor:
        """What does the work."""
        template = HostPrompt(self.rewrite_prompt)
        return ContextCompressor(
            self.found_marker(),
            chat,
            selector=selector,
            counter=self.found_counter(),
            template=template,
            on_chat_error=self.on_chat_error,
        )
