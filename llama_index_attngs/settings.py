"""The settings that nodes and memories share, as fields that LlamaIndex can save and restore."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from llama_index.core import Settings
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.bridge.pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.utils import get_tokenizer
from pydantic import AliasChoices

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError
from attngs.hosts.budget import PARTS, ContextBudget, ContextPart
from attngs.hosts.markers import MarkerLike, find_marker
from attngs.hosts.settings import Mode, OnChatError, check_marker_name, described
from attngs.marking.marker import Marker
from attngs.protocols import Selector, TokenCounter
from attngs.reading.tokens import MARKER_TOKENS, CounterLike, as_counter
from attngs.selection.layout import ExtractLayout
from attngs.selection.selector import GreedySelector, MustKeep
from attngs.text.documents import clean_text
from attngs.writing.prompts import GuidedPrompt
from attngs.writing.statements import FaithfulnessFloor
from llama_index_attngs.chat import HostTemplate, LlamaIndexChat


class CompressionSettings(BaseModel):
    """How something is compressed. The LLM and its template may hold secrets, so they are not saved."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    target_tokens: int | None = Field(default=None, ge=1, strict=True, description=described("target_tokens"))
    budget: ContextBudget | None = Field(
        default=None, description="One budget for the whole prompt, of which this takes its part; give it, or `target_tokens`, or both."
    )
    marker: MarkerLike = Field(default="default", description=described("marker"))
    mode: Mode = Field(default="extract", description=described("mode"))
    chat: BaseLLM | None = Field(
        default=None, exclude=True, repr=False, description=described("chat"), validation_alias=AliasChoices("chat", "llm")
    )
    counter: CounterLike | None = Field(default=None, description=described("counter"))
    must_keep: tuple[MustKeep, ...] = Field(default=(), description=described("must_keep"))
    neighbors: int = Field(default=0, ge=0, strict=True, description=described("neighbors"))
    min_per_document: int = Field(default=0, ge=0, strict=True, description=described("min_per_document"))
    min_score: float | None = Field(default=None, ge=0, le=1, description=described("min_score"))
    template: BasePromptTemplate | GuidedPrompt | None = Field(default=None, exclude=True, repr=False, description=described("template"))
    floor: FaithfulnessFloor = Field(default=FaithfulnessFloor(), description=described("floor"))
    on_chat_error: OnChatError = Field(default="extract", description=described("on_chat_error"))

    part: ClassVar[ContextPart]
    """Which part of a budget this takes."""

    @model_validator(mode="after")
    def _check_limit(self) -> Self:
        if self.target_tokens is None and self.budget is None:
            raise ConfigError("`target_tokens` is missing; say how many tokens may be shown, or pass a `budget`.")
        self.ceiling()  # raises
        return self

    @field_validator("marker", "counter", "must_keep", mode="before")
    @classmethod
    def _check_restorable(cls, value: object, info: ValidationInfo) -> object:
        return check_restorable(value, str(info.field_name))

    @field_validator("marker")
    @classmethod
    def _check_marker(cls, value: MarkerLike) -> MarkerLike:
        return check_marker_name(value)

    @field_validator("must_keep")
    @classmethod
    def _check_must_keep(cls, value: tuple[MustKeep, ...]) -> tuple[MustKeep, ...]:
        GreedySelector(must_keep=value)  # raises
        return value

    @field_serializer("marker", "counter")
    def _save(self, value: object) -> str | None:
        return saved(value)

    @field_serializer("must_keep")
    def _save_all(self, values: tuple[object, ...]) -> list[str | None]:
        return [saved(value) for value in values]

    def ceiling(self) -> int:
        """How many tokens may be shown: `target_tokens`, or the part of the budget if that is less."""
        limits = [self.target_tokens, budget_ceilings(self.budget, self.part)[self.part] if self.budget else None]
        return min(limit for limit in limits if limit is not None)

    def found_marker(self) -> Marker:
        """The marker; a name is loaded when it is first needed."""
        return find_marker(self.marker)

    def found_counter(self) -> TokenCounter:
        """The counter. The marker is not loaded for one that does without it.

        Raises:
            ConfigError: tiktoken does not know the name, or it is `marker` and the marker has no tokenizer.
            AssetError: The tiktoken encoding is not on this machine and cannot be fetched.
        """
        if self.counter is None:
            return HostCounter()
        return as_counter(self.counter, self.found_marker().counter if self.counter == MARKER_TOKENS else None)

    def writer(self) -> LlamaIndexChat | None:
        """The LLM that rewrites; `None` in mode `extract`."""
        if self.mode == "extract":
            return None
        return LlamaIndexChat(Settings.llm if self.chat is None else self.chat)

    def selector(self, layout: ExtractLayout, min_score: float | None) -> GreedySelector:
        """The selector, for sentences that are shown in this layout and reach this probability."""
        return GreedySelector(
            must_keep=self.must_keep,
            neighbors=self.neighbors,
            min_per_document=self.min_per_document,
            min_score=min_score,
            layout=layout,
        )

    def compressor(self, writer: LlamaIndexChat | None, selector: Selector) -> ContextCompressor:
        """The compressor with these settings."""
        return ContextCompressor(
            self.found_marker(),
            writer,
            selector=selector,
            counter=self.found_counter(),
            template=HostTemplate(self.template) if isinstance(self.template, BasePromptTemplate) else self.template,
            floor=self.floor,
            on_chat_error=self.on_chat_error,
        )


def budget_ceilings(budget: ContextBudget, part: ContextPart) -> dict[ContextPart, int]:
    """How many tokens each part of a budget may have where all want as much as they can get.

    The parts are those that the budget gives a share or a minimum. The others are not there.

    Raises:
        ConfigError: This part is not there.
    """
    return budget.ceilings(*[each for each in PARTS if each == part or budget.shares.get(each) or budget.minimums.get(each)])


@dataclass(frozen=True)
class HostCounter:
    """Counts as LlamaIndex does: with `Settings.tokenizer`, whatever it is at that moment."""

    name: str = "llama-index"

    def count(self, texts: Sequence[str]) -> list[int]:
        tokenize = get_tokenizer()
        return [len(tokenize(clean_text(text))) for text in texts]


def saved(value: object) -> str | None:
    """A setting in a saved configuration: names and patterns as they are, a note for any other object."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, re.Pattern):
        flags = value.flags & ~re.compile(value.pattern).flags
        letters = "".join(letter for letter, flag in _INLINE_FLAGS.items() if flags & flag)
        return f"(?{letters}){value.pattern}" if letters else str(value.pattern)
    return f"<not saved: {getattr(value, 'name', None) or getattr(value, '__name__', type(value).__name__)}>"


def check_restorable(value: object, argument: str) -> object:
    """The setting, unless it holds the note that `saved` leaves of an object.

    Raises:
        ConfigError: It does; the object must be passed again.
    """
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, str) and item.startswith("<not saved: "):
            raise ConfigError(f"`{argument}` was saved as {item}; pass the object again, as in `from_dict(data, {argument}=...)`.")
    return value


_INLINE_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "a": re.ASCII}
