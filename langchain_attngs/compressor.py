"""A compressor and two retrievers: documents, made short for the question under one token budget.

More than 400 lines: a third of them say what the settings mean, and the retrievers are the compressor behind another call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import groupby
from typing import Any, Self, TypedDict

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from langchain_core.runnables import Runnable, RunnableConfig, patch_config
from pydantic import AliasChoices, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError, InputError
from attngs.hosts.apart import APART, Apart, Part, best_probability, copies_elsewhere
from attngs.hosts.jobs import Job, Steps
from attngs.hosts.markers import MarkerLike, find_marker
from attngs.hosts.recalling import Askable
from attngs.hosts.settings import Mode, OnChatError, Output, check_marker_name, described
from attngs.hosts.shortened import never_empty
from attngs.marking.currency import FOUND
from attngs.marking.marker import Marker
from attngs.protocols import PromptTemplate, TokenCounter
from attngs.reading.tokens import MARKER_TOKENS, CounterLike, as_counter
from attngs.result.result import CompressedContext, Method
from attngs.selection.layout import ExtractLayout
from attngs.selection.periods import Periods
from attngs.selection.selector import GreedySelector, MustKeep, memory_floor
from attngs.text.defusing import handles
from attngs.text.documents import check_query
from attngs.types import Document as Text
from attngs.types import MarkedMemory, Marking, Place, Question, Sentence, Source
from attngs.writing.statements import FaithfulnessFloor
from langchain_attngs.chat import RunnableChat
from langchain_attngs.tracing import Ledger, traced

LABELLED = ExtractLayout()
"""Lays out a merged document: each text under its label."""

METADATA_KEY = "attngs"
"""The one entry that attngs adds to a document's metadata, beside `FOUND`, where LangChain's rerankers put a document's score."""


class CompressorInput(TypedDict):
    """What `as_runnable()` takes."""

    documents: Sequence[Document]
    query: str


class AttnGSCompressor(BaseDocumentCompressor):
    """Keeps what matters to the question of all documents together, in at most `target_tokens` tokens.

    Documents come back as copies, in their order, with id and metadata; those of which nothing was kept do not come back. Where no
    sentence fits, the beginning of the best one comes back. The budget holds for the texts joined by blank lines.
    Their ids, titles, sources and dates count too: "what does handbook.pdf say about leave?", "what happened on 18 March?".

    `metadata["relevance_score"]` becomes the probability, 0 to 1, that the best of a document's kept sentences bears on the question; a
    marker without probabilities leaves the score that it came with. `metadata["attngs"]` says what was kept: `method`, `spans` in the
    original text, the marker's raw `scores`, `tokens`, `original_tokens`, and `also_in`, the documents that say the same. What several
    documents say is kept once. When everything fits, no model runs: documents come back as they are, with method `passthrough`.

    Settings cannot be changed afterwards; `model_copy(update=...)` makes a compressor with others. Copies and pickles share the marker, so
    its weights are in memory once. A marker's name is loaded when it is first needed, once in a process.

    ```python
    compressor = AttnGSCompressor(target_tokens=512)
    retriever = ContextualCompressionRetriever(base_compressor=compressor, base_retriever=retriever)
    ```

    Raises:
        ConfigError: While compressing: tiktoken does not know the name in `counter`, or the marker has no tokenizer to count with.
        InputError: While compressing: there is no question, or an entry is no document.
        ModelNotFoundError: While compressing: there is no model of the marker's name.
        ChatError: While compressing: `chat` failed, and `on_chat_error` is `raise`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", frozen=True)

    target_tokens: int = Field(ge=1, strict=True, description=described("target_tokens"))
    marker: MarkerLike = Field(default="default", description=described("marker"))
    mode: Mode = Field(default="extract", description=described("mode"))
    chat: Runnable[Any, Any] | None = Field(
        default=None, validation_alias=AliasChoices("chat", "llm"), repr=False, description=described("chat")
    )
    """Any runnable that takes messages and returns a message or a text. LangChain's own name for it, `llm`, is taken too."""
    counter: CounterLike | None = Field(default=None, description=described("counter"))
    """The marker's own tokenizer counts when this is not given."""
    must_keep: tuple[MustKeep, ...] = Field(default=(), description=described("must_keep"))
    """Compiled patterns and functions of a sentence are taken too."""
    neighbors: int = Field(default=0, ge=0, strict=True, description=described("neighbors"))
    min_per_document: int = Field(default=0, ge=0, strict=True, description=described("min_per_document"))
    min_score: float | None = Field(default=None, ge=0, le=1, description=described("min_score"))
    template: PromptTemplate | None = Field(default=None, repr=False, description=described("template"))
    floor: FaithfulnessFloor = Field(default=FaithfulnessFloor(), description=described("floor"))
    on_chat_error: OnChatError = Field(default="extract", description=described("on_chat_error"))
    max_concurrency: int = Field(default=4, ge=1, strict=True, description=described("max_concurrency"))
    namespace: str = Field(default="", description=described("namespace"))
    output: Output = Field(default="separate", description=described("output"))
    """A merged document has labels such as `[notes-7]` or `[2]`, which `metadata["attngs"]["sources"]` resolves."""
    _periods: Periods | None = PrivateAttr(default=None)

    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None) -> list[Document]:
        """Make documents short for the question, in one run named after this class."""
        return self.as_runnable().invoke({"documents": documents, "query": query}, {"callbacks": callbacks})

    async def acompress_documents(self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None) -> list[Document]:
        """`compress_documents` without blocking the event loop.

        Concurrent calls are marked in one batch, and `chat` is awaited.
        """
        return await self.as_runnable().ainvoke({"documents": documents, "query": query}, {"callbacks": callbacks})

    def as_runnable(self) -> Runnable[CompressorInput, list[Document]]:
        """For LCEL: takes `{"documents": ..., "query": ...}`, returns the documents."""
        return traced(type(self).__name__, self._steps, workers=self.max_concurrency)

    def found_marker(self) -> Marker:
        """The marker, loaded when it is first needed."""
        return find_marker(self.marker)

    def found_counter(self) -> TokenCounter:
        """The counter. The marker is not loaded for one that does without it.

        Raises:
            ConfigError: tiktoken does not know the name, or the marker has no tokenizer.
            AssetError: The tiktoken encoding is not on this machine and cannot be fetched.
        """
        of_marker = self.counter is None or self.counter == MARKER_TOKENS
        return as_counter(self.counter, self.found_marker().counter if of_marker else None)

    def extractor(self, layout: ExtractLayout) -> ContextCompressor:
        """A compressor that keeps sentences verbatim, in this layout."""
        return ContextCompressor(self.found_marker(), selector=self._selector(layout), counter=self.found_counter())

    def for_memory(self, periods: Periods | None = None) -> Self:
        """The same for a user's memory, of which only what bears on the question is shown.

        Args:
            periods: How its tokens are shared over time.
        """
        copy = self.model_copy(update={"min_score": memory_floor(self.min_score, self.found_marker())})
        copy._periods = periods
        return copy

    def writer(self, config: RunnableConfig, layout: ExtractLayout) -> ContextCompressor | None:
        """A compressor that has `chat` rewrite them, below the run of this config; `None` in mode `extract`."""
        if self.chat is None:
            return None
        return ContextCompressor(
            self.found_marker(),
            RunnableChat(self.chat, config),
            selector=self._selector(layout),
            counter=self.found_counter(),
            template=self.template,
            floor=self.floor,
            on_chat_error=self.on_chat_error,
        )

    def _selector(self, layout: ExtractLayout) -> GreedySelector:
        return GreedySelector(
            must_keep=self.must_keep,
            neighbors=self.neighbors,
            min_per_document=self.min_per_document,
            min_score=self.min_score,
            periods=self._periods,
            layout=layout,
        )

    def _steps(self, given: CompressorInput, config: RunnableConfig) -> Steps[tuple[list[Document], Ledger]]:
        documents, query = check_input(given)
        if not documents:
            return [], Ledger(target_tokens=self.target_tokens)
        compress = self._separate if self.output == "separate" else self._merged
        return (yield from compress(documents, query, config))

    def _separate(self, documents: Sequence[Document], query: str, config: RunnableConfig) -> Steps[tuple[list[Document], Ledger]]:
        return (yield from self.apart(documents, as_texts(documents), query, config))

    def apart(
        self,
        documents: Sequence[Document],
        texts: Sequence[Text],
        query: str | Question,
        config: RunnableConfig,
        marking: Marking | None = None,
    ) -> Steps[tuple[list[Document], Ledger]]:
        """Make documents short, each of which stays one.

        Args:
            documents: What is made short.
            texts: The same for the marker.
            query: The question.
            config: Of the run.
            marking: Of the texts, where they are marked already.
        """
        apart = Apart(extractor=self.extractor(APART), writer=self.writer(config, APART), counter=self.found_counter())
        result = yield from apart.steps(texts, query, target_tokens=self.target_tokens, namespace=self.namespace, marking=marking)
        out = [shorten_document(documents, part, names_of(texts)) for part in result.parts]
        return out, Ledger(
            documents=len(documents),
            kept_documents=len(out),
            original_tokens=result.original_tokens,
            compressed_tokens=result.compressed_tokens,
            target_tokens=self.target_tokens,
            method=result.method,
            reason=result.reason,
            writer_usage=result.usage,
        )

    def _merged(self, documents: Sequence[Document], query: str, config: RunnableConfig) -> Steps[tuple[list[Document], Ledger]]:
        compressor = self.writer(config, LABELLED) or self.extractor(LABELLED)
        texts = as_texts(documents)
        job = Job(compressor=compressor, documents=texts, query=query, target_tokens=self.target_tokens, namespace=self.namespace)
        [found] = yield [job]
        result = never_empty(found, self.found_counter())
        return [merge_documents(documents, result, names_of(texts))] if result.text.strip() else [], Ledger.of([result])

    @field_validator("marker")
    @classmethod
    def _check_marker(cls, value: MarkerLike) -> MarkerLike:
        return check_marker_name(value)

    @field_validator("counter")
    @classmethod
    def _check_counter(cls, value: CounterLike | None) -> CounterLike | None:
        if value is not None and not isinstance(value, str):  # names are looked up when they are first needed
            as_counter(value)  # raises
        return value

    @field_validator("must_keep")
    @classmethod
    def _check_patterns(cls, value: tuple[MustKeep, ...]) -> tuple[MustKeep, ...]:
        GreedySelector(must_keep=value)  # raises
        return value

    @model_validator(mode="after")
    def _check_mode(self) -> Self:
        if self.mode == "rewrite" and self.chat is None:
            raise ConfigError("`chat` is needed for mode='rewrite'; pass a chat model, or use mode='extract'.")
        if self.mode == "extract" and self.chat is not None:
            raise ConfigError("`chat` is given but mode='extract' asks nobody; say mode='rewrite', or leave `chat` out.")
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy that shares everything: nothing in it can change, and models must not be doubled."""
        return self.model_copy()


class AttnGSRetriever(BaseRetriever):
    """A retriever that compresses what another one finds. It needs only `langchain-core`.

    All other arguments of a call, such as `k`, go on to the wrapped retriever. LangChain's own names for the two settings,
    `base_retriever` and `base_compressor`, are taken too.

    ```python
    retriever = AttnGSRetriever(retriever=store.as_retriever(), compressor=AttnGSCompressor(target_tokens=512))
    ```
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", frozen=True)

    retriever: RetrieverLike = Field(
        validation_alias=AliasChoices("retriever", "base_retriever"),
        description="Finds the documents: any runnable from a question to them.",
    )
    compressor: AttnGSCompressor = Field(
        validation_alias=AliasChoices("compressor", "base_compressor"), repr=False, description="Makes the documents short."
    )

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any) -> list[Document]:
        found = self.retriever.invoke(query, patch_config(None, callbacks=run_manager.get_child()), **kwargs)
        return self.compressor.compress_documents(found, query, run_manager.get_child())

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        found = await self.retriever.ainvoke(query, patch_config(None, callbacks=run_manager.get_child()), **kwargs)
        return await self.compressor.acompress_documents(found, query, run_manager.get_child())


class AttnGSMemoryRetriever(BaseRetriever):
    """A retriever over a memory on disk, under a hard token budget.

    It returns what matters to the question of all that a user's memory has.

    Documents come back as `AttnGSCompressor` returns them, in the memory's order, with the ids and the metadata that they were added with.
    What has nothing to do with the question does not come back.

    ```python
    memory = Memory.open("ana.db", namespace="ana")
    retriever = AttnGSMemoryRetriever(memory=memory, compressor=AttnGSCompressor(target_tokens=512))
    ```
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", frozen=True)

    memory: Askable = Field(repr=False, description="One user's memory: `attngs.Memory`, or what has its `mark`.")
    compressor: AttnGSCompressor = Field(
        validation_alias=AliasChoices("compressor", "base_compressor"),
        repr=False,
        description="Makes what the memory finds short. Give it the memory's marker.",
    )

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return self._run().invoke(self._asked(query), patch_config(None, callbacks=run_manager.get_child()))

    async def _aget_relevant_documents(self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun) -> list[Document]:
        found = await asyncio.to_thread(self._asked, query)
        return await self._run().ainvoke(found, patch_config(None, callbacks=run_manager.get_child()))

    def _asked(self, query: str) -> MarkedMemory:
        return self.memory.mark(check_query(query), target_tokens=self.compressor.target_tokens)

    def _run(self) -> Runnable[MarkedMemory, list[Document]]:
        return traced(type(self.compressor).__name__, self._steps, workers=self.compressor.max_concurrency)

    def _steps(self, found: MarkedMemory, config: RunnableConfig) -> Steps[tuple[list[Document], Ledger]]:
        if not found.documents:
            return [], Ledger(target_tokens=self.compressor.target_tokens)
        documents = [Document(id=text.id, page_content=text.text, metadata=dict(text.metadata)) for text in found.documents]
        question = Question(text=found.marking.query, background=found.marking.background)
        return (yield from self.compressor.for_memory().apart(documents, found.documents, question, config, found.marking))


def check_documents(documents: object) -> list[Document]:
    """The documents as a list.

    Raises:
        InputError: It is no list of documents, or an entry is not a LangChain document.
    """
    if isinstance(documents, str | Document | Mapping) or not isinstance(documents, Iterable):
        raise InputError(f"`documents` must be a list of LangChain documents, got {type(documents).__name__}.")
    given = list(documents)
    for number, document in enumerate(given):
        if not isinstance(document, Document):
            raise InputError(f"`documents[{number}]` must be a LangChain `Document`, got {type(document).__name__}.")
    return given


def check_input(value: object) -> tuple[list[Document], str]:
    """The documents and the question in what a chain passes.

    Raises:
        InputError: It is not `{"documents": ..., "query": ...}`, or one of the two cannot be used.
    """
    if not isinstance(value, Mapping) or not {"documents", "query"} <= value.keys():
        got = f"the keys {[*map(str, value)]}" if isinstance(value, Mapping) else type(value).__name__
        raise InputError(f'the compressor takes `{{"documents": [...], "query": "..."}}`, got {got}.')
    return check_documents(value["documents"]), check_query(value["query"])


def as_texts(documents: Sequence[Document]) -> list[Text]:
    """The texts with their ids and metadata, by which a question may ask for them.

    A text without an id gets its place in the list, from 1. `FOUND` says that they come by relevance, not in the order of time.
    """
    taken, texts = {document.id for document in documents}, list[Text]()
    for number, document in enumerate(documents, 1):
        place = f"#{number}" if str(number) in taken else str(number)
        metadata = {name: value for name, value in document.metadata.items() if name != METADATA_KEY}
        texts.append(Text(text=document.page_content, id=document.id or place, metadata={FOUND: None, **metadata}))
    return texts


def names_of(texts: Sequence[Text]) -> dict[int, str]:
    """What each text is called in a merged document, by its place."""
    return handles(Sentence(document=text, position=place, start=0, end=0) for place, text in enumerate(texts))


def shorten_document(documents: Sequence[Document], part: Part, names: Mapping[int, str]) -> Document:
    """One of the documents with less text: its id, type and other metadata are kept."""
    document = documents[part.position]
    entry: dict[str, object] = {
        "method": part.method,
        "tokens": part.tokens,
        "original_tokens": part.original_tokens,
        **(_spans(part.sources) if part.method != "passthrough" else {}),
        **_also_in(documents, part.copies, names),
        **_superseded(documents, part.sources, names),
    }
    return document.model_copy(
        update={"page_content": part.text, "metadata": _metadata(document.metadata, entry, part.method, part.sources)}
    )


def merge_documents(documents: Sequence[Document], result: CompressedContext, names: Mapping[int, str]) -> Document:
    """One new document for all. Its entry has the ids and the metadata of those that it is made of."""
    by_place = groupby(result.sources, key=lambda source: source.position)
    entry: dict[str, object] = {
        "method": result.method,
        "tokens": result.compressed_tokens,
        "original_tokens": result.original_tokens,
        "sources": [_origin(documents[place], names[place], list(sources), result.method) for place, sources in by_place],
        **_also_in(documents, copies_elsewhere(result.kept), names),
        **_superseded(documents, result.kept, names),
    }
    return Document(page_content=result.text, metadata=_metadata({}, entry, result.method, result.sources))


def _origin(document: Document, name: str, sources: Sequence[Source], method: Method) -> dict[str, object]:
    return {
        "label": name,
        "id": document.id,
        "metadata": _copied(document.metadata),
        **(_spans(sources) if method != "passthrough" else {}),
    }


def _also_in(documents: Sequence[Document], places: Sequence[Place], names: Mapping[int, str]) -> dict[str, object]:
    """The documents that say the same as what was kept of others, if there are any."""
    by_place = groupby(places, key=lambda place: place.position)
    found = [
        {
            "label": names[number],
            "id": documents[number].id,
            "metadata": _copied(documents[number].metadata),
            "spans": [[place.start, place.end] for place in same],
        }
        for number, same in by_place
    ]
    return {"also_in": found} if found else {}


def _superseded(documents: Sequence[Document], sources: Sequence[Source], names: Mapping[int, str]) -> dict[str, object]:
    """Which sentences are out of date, and where the later ones stand, if there are any."""
    later = [(source, place) for source in sources if (place := source.superseded_by)]
    found = [
        {"span": [old.start, old.end], "label": names[new.position], "id": documents[new.position].id, "by": [new.start, new.end]}
        for old, new in later
    ]
    return {"superseded_by": found} if found else {}


def _metadata(kept: Mapping[str, object], entry: dict[str, object], method: Method, sources: Sequence[Source]) -> dict[str, object]:
    """A copy with our entry and the best probability as the score; without one, an earlier score stays."""
    metadata = _copied(kept)
    if METADATA_KEY in metadata:
        entry["previous"] = metadata[METADATA_KEY]
    probability = best_probability(sources) if method != "passthrough" else None
    if probability is not None:
        if FOUND in metadata:
            entry["previous_score"] = metadata[FOUND]
        metadata[FOUND] = probability
    metadata[METADATA_KEY] = entry
    return metadata


def _copied(metadata: Mapping[str, object]) -> dict[str, object]:
    """A deep copy. What cannot be copied, such as an open file or a lock, is handed on as it is."""
    return {key: _copy(value) for key, value in metadata.items()}


def _copy(value: object) -> object:
    try:
        return deepcopy(value)
    except Exception:  # whatever an object's own `__deepcopy__` or `__reduce__` raises
        if type(value) is dict:
            return _copied(value)
        return [_copy(part) for part in value] if type(value) is list else value


def _spans(sources: Sequence[Source]) -> dict[str, object]:
    """Places in the original text, and their scores."""
    return {"spans": [[source.start, source.end] for source in sources], "scores": [source.score for source in sources]}
